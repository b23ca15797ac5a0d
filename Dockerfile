FROM python:3.13-slim AS build
# The build of PyTorch: `cpu`, or one for a GPU, such as `cu130`; uv knows where each lies. Empty
# takes what the package index has, on x86-64 the build for CUDA, several GB.
ARG TORCH=cpu
# More arguments for `uv pip install`, such as an index of your own.
ARG PIP_ARGS=""
RUN pip install --no-cache-dir uv==0.13.9 \
    && python -m venv --without-pip /opt/tonebus
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY connectors connectors
COPY daemon daemon
COPY api api
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --python /opt/tonebus --link-mode copy --compile-bytecode \
        ${TORCH:+--torch-backend ${TORCH}} ${PIP_ARGS} --constraint constraints.txt .

FROM python:3.13-slim
# No home, no shell, no way to become anyone else.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tonebus
COPY --from=build /opt/tonebus /opt/tonebus
ENV PATH=/opt/tonebus/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    # The root file system is read-only; libraries that insist on a home write here.
    HOME=/tmp
USER 10001
EXPOSE 8080
ENTRYPOINT ["tonebus"]
CMD ["daemon"]
