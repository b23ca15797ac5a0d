# syntax=docker/dockerfile:1

FROM python:3.13-slim AS build
# On x86-64 plain torch is the build for CUDA, several GB; for a small image without a GPU give pip
# the index of PyTorch's CPU builds: --build-arg PIP_ARGS="--extra-index-url …"
ARG PIP_ARGS=""
RUN python -m venv /opt/tonebus
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY connectors connectors
COPY daemon daemon
COPY api api
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/tonebus/bin/pip install ${PIP_ARGS} --constraint constraints.txt . \
    && /opt/tonebus/bin/python -m compileall -q /opt/tonebus/lib

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
