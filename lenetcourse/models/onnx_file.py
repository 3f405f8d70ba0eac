"""Networks as ONNX files, which other programs run without PyTorch, and the scores that they give.

ONNX (onnx.ai) is a format for networks: a list of operations with their weights. What writes and
runs such files is no requirement of the course: `pip install 'lenetcourse[onnx]'` brings it.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from lenetcourse.data.images import as_inputs
from lenetcourse.errors import CourseError
from lenetcourse.files import replacing

MISSING = "{} is not installed here: pip install 'lenetcourse[onnx]'"


def export_onnx(
    model: nn.Module, path: str | os.PathLike, input_shape: tuple[int, ...] = (1, 28, 28)
) -> None:
    """Write a network to an ONNX file, as it computes in evaluation mode.

    `input_shape` is (channels, height, width) of one image. The input of the file is "images",
    float32 (n, channels, height, width) for any n, its output "scores". It appears whole or not at
    all. Raises CourseError where onnxscript, which PyTorch writes it with, is missing, and OSError
    as `files.replacing` does.
    """
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        raise CourseError(MISSING.format("onnxscript")) from None
    was_training, device = model.training, next(model.parameters()).device
    try:
        program = torch.onnx.export(
            model.cpu().eval(), (torch.zeros(2, *input_shape),), dynamo=True, verbose=False,
            input_names=["images"], output_names=["scores"],
            dynamic_shapes=[{0: torch.export.Dim("n")}],
        )  # fmt: skip
    finally:
        model.to(device).train(was_training)
    for node in program.model.graph:
        node.metadata_props.clear()  # the files on this machine that the node comes from
    with replacing(path) as temporary:
        program.save(temporary, external_data=False)


def onnx_scores(path: str | os.PathLike, images: Tensor) -> Tensor:
    """Return the scores that ONNX Runtime computes by a file of `export_onnx`.

    `images` are uint8, (n, h, w) or (n, 3, h, w), or inputs in [0, 1], (n, channels, h, w). Raises
    CourseError where onnxruntime is missing, and when it refuses the file or the images.
    """
    try:
        import onnxruntime
    except ImportError:
        raise CourseError(MISSING.format("onnxruntime")) from None
    inputs = as_inputs(images) if images.dtype == torch.uint8 else images
    try:
        session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
        (scores,) = session.run(["scores"], {"images": inputs.cpu().numpy()})
    except Exception as error:  # its own errors have no other base
        said = " ".join(str(error).split())
        raise CourseError(f"{path}: ONNX Runtime refuses it: {said}") from None
    return torch.from_numpy(scores)
