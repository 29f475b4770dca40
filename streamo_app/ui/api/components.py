"""Gradio components that accept only what was uploaded to this server, never a path or an address of a caller's choice.

A module of its own because Gradio writes a `.pyi` stub beside every module that defines components.
"""

from pathlib import Path
from urllib.parse import unquote

import gradio as gr

NOT_UPLOADED = (
    "Send the video itself: upload it to this server first, as gradio_client's handle_file does; the server fetches "
    "nothing from addresses."
)
FILE_ROUTE = "/gradio_api/file="


class SentFile(gr.FileData):
    """A caller's reference to a file."""

    @classmethod
    def model_validate(cls, sent, **options):
        # a path or an address as mere text; and Gradio checks no path that is declared a stream's
        if not isinstance(sent, dict) or sent.get("is_stream"):
            raise gr.Error(NOT_UPLOADED, print_exception=False)
        return super().model_validate(sent, **options)


class UploadedFile(gr.File):
    """gr.File of what was uploaded to this server. Gradio's own would fetch any public address, of any size, into
    memory."""

    is_template = True

    async def async_move_resource_to_block_cache(self, sent):
        return await super().async_move_resource_to_block_cache(without_addresses(sent, self.GRADIO_CACHE))


class UploadedVideo(gr.Video):
    """gr.Video of what was uploaded to this server, as `UploadedFile`."""

    is_template = True
    data_model = SentFile

    async def async_move_resource_to_block_cache(self, sent):
        return await super().async_move_resource_to_block_cache(without_addresses(sent, self.GRADIO_CACHE))


def without_addresses(sent: object, cache: str) -> object:
    """A path is returned as it is (Gradio checks that it was uploaded). An address becomes the uploaded file that it
    names: MCP clients are given such addresses after an upload. Raises gr.Error for any other address."""
    address = str(sent or "")
    return uploaded_file(address, Path(cache)) if address.lower().startswith(("http://", "https://")) else sent


def uploaded_file(address: str, cache: Path) -> str:
    """The uploaded file that an address names, whatever its host. Raises gr.Error if it names none."""
    _, route, path = address.partition(FILE_ROUTE)
    file = Path(unquote(path.partition("?")[0])).resolve()
    if not route or not file.is_relative_to(cache.resolve()) or not file.is_file():
        raise gr.Error(NOT_UPLOADED, print_exception=False)
    return str(file)
