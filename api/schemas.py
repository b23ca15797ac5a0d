"""Requests and responses of `/predict`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_TEXTS = 256
_Text = Annotated[str, StringConstraints(max_length=1_000_000)]
_Texts = Annotated[list[_Text], Field(min_length=1, max_length=MAX_TEXTS)]
_Sequence = Annotated[list[_Text], Field(min_length=1, max_length=1)]
_Batch = Annotated[list[_Text | _Sequence], Field(min_length=1, max_length=MAX_TEXTS)]

EXAMPLES: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/json": {
                "examples": {
                    "one text": {"value": {"text": "The new app is a joy to use."}},
                    "several": {"value": {"texts": ["Thanks!", "Still no refund."]}},
                    "as text-embeddings-inference has it": {
                        "value": {"inputs": "Still no refund.", "raw_scores": False}
                    },
                }
            }
        }
    }
}


class PredictRequest(BaseModel):
    """One of `text`, `texts` and `inputs`; the other fields go with `inputs`."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"text": "The new app is a joy to use."}]},
    )

    text: _Text | None = None
    texts: _Texts | None = None
    inputs: _Text | _Batch | None = Field(
        default=None, description="A string, or a batch of lists of one string each."
    )
    truncate: bool | None = None
    truncation_direction: str | None = Field(default=None, max_length=16)
    raw_scores: bool | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(each is not None for each in (self.text, self.texts, self.inputs)) != 1:
            raise ValueError("give one of `text`, `texts` and `inputs`")
        if self.inputs is None and self.model_extra:
            # a slip in our own protocol is told; other protocols have members that we do not know
            raise ValueError("there is a member that is not known beside `text` or `texts`")
        if isinstance(self.inputs, list):
            loose = [each for each in self.inputs if isinstance(each, str)]
            if loose and len(self.inputs) > 1:
                raise ValueError(
                    "a list of strings is a pair, and this model reads single texts; "
                    "a batch is a list of lists"
                )
        return self

    def batched(self) -> bool:
        """Whether the answer to `inputs` is a list of lists."""
        return isinstance(self.inputs, list) and isinstance(self.inputs[0], list)

    def sequences(self) -> list[str]:
        inputs = [self.inputs] if isinstance(self.inputs, str) else self.inputs or []
        return [each if isinstance(each, str) else each[0] for each in inputs]


class TextRequest(BaseModel):
    """One text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Still no refund."}]})

    text: _Text


class ClassifyRequest(BaseModel):
    """A request to vLLM's `/classify`; members that this service has no use for are ignored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "default", "input": ["Still no refund."]}]}
    )

    model: str | None = Field(default=None, max_length=64)
    input: _Text | _Texts
    use_activation: bool | None = None
    activation: bool | None = Field(default=None, description="The older name of the above.")

    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input

    def raw(self) -> bool:
        """Whether scores are asked for as they are before softmax."""
        return False in {self.use_activation, self.activation}


class Labelled(BaseModel):
    """A label and its score."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"label": "negative", "score": 0.93}]}
    )

    label: str
    score: float


class ModelInfo(BaseModel):
    """Which model scored."""

    name: str
    revision: str


class PredictionOut(BaseModel):
    """The tone of one text; `none` where it was not scored, and `reason` says why."""

    tone: str
    score: float
    scores: dict[str, float]
    tokens: int
    truncated: bool
    cached: bool
    model: ModelInfo
    language: str = Field(description="BCP 47, as it was detected; `und` where it cannot be.")
    language_confidence: float
    reason: Literal["blank", "language"] | None


class PredictionsOut(BaseModel):
    """The tones of several texts, in their order."""

    predictions: list[PredictionOut]


class ClassOut(BaseModel):
    """The classes of one text, in vLLM's shape."""

    index: int
    label: str
    probs: list[float]
    num_classes: int


class Usage(BaseModel):
    """Tokens that the model read."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int


class ClassesOut(BaseModel):
    """The classes of all texts, in their order."""

    id: str
    object: Literal["list"]
    created: int
    model: str
    data: list[ClassOut]
    usage: Usage


class ModelOut(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"]
    owned_by: str


class ModelList(BaseModel):
    """The models that can be asked."""

    object: Literal["list"]
    data: list[ModelOut]


class Complaint(BaseModel):
    """Why there is no answer."""

    detail: str


class Wrong(BaseModel):
    """A field that is wrong, and what is wrong with it; never what was in it."""

    where: str
    what: str


class Rejection(BaseModel):
    """Why a request cannot be understood, or a text cannot be scored."""

    detail: list[Wrong] | str
