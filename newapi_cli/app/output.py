"""How a run writes answers and sessions, chosen from its streams and settings.

The packages behind them (rich: 60 ms) are imported where they are used: a pipe needs none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from newapi_cli.app.context import Context
from newapi_cli.config.paths import ensure_private_dir
from newapi_cli.domain.session import StoredSession
from newapi_cli.errors import ConfigError
from newapi_cli.i18n import tr
from newapi_cli.render.renderer import Target
from newapi_cli.render.status_lines import StatusLines, StatusOptions

if TYPE_CHECKING:
    from newapi_cli.render.images import ImageFilter
    from newapi_cli.render.live.theme import Theme
    from newapi_cli.render.renderer import Renderer


def create_renderer(context: Context, target: Target, options: StatusOptions) -> Renderer:
    """Return what writes an answer for a target."""
    streams = context.streams
    status_lines = StatusLines(streams, options)
    if target is Target.MARKDOWN:
        from newapi_cli.render.live.renderer import LiveRenderer

        theme, images = load_theme(context), image_filter(context)
        return LiveRenderer(streams, status_lines, theme, options, images)
    if target in (Target.JSON, Target.JSON_LINES):
        from newapi_cli.render.json_output import JsonRenderer

        lines = target is Target.JSON_LINES
        return JsonRenderer(streams, status_lines, options, lines=lines)
    if target is Target.EXTRACT:
        from newapi_cli.render.extract import ExtractRenderer

        return ExtractRenderer(streams.stdout, status_lines)
    from newapi_cli.render.plain import PlainRenderer

    if target is Target.PLAIN:
        from newapi_cli.terminal import OutputModes

        modes = OutputModes(streams)
        return PlainRenderer(streams.stdout, status_lines, image_filter(context), modes)
    return PlainRenderer(streams.stdout, status_lines, None)


def load_theme(context: Context) -> Theme:
    """Return the colors of answers.

    Raises `ConfigError` for an unknown code style.
    """
    from newapi_cli.render.live.theme import theme_named

    return theme_named(context.settings.text("theme"), context.settings.text("code_style"))


def image_filter(context: Context) -> ImageFilter:
    """Return what saves the images of an answer, unless the run saves nothing."""
    from newapi_cli.render.images import ImageFilter

    def folder() -> Path:
        if not context.settings.flag("save"):
            raise OSError(0, tr("this run saves nothing"))
        try:
            ensure_private_dir(saved_images_dir(context))
        except ConfigError as error:  # the answer matters more than its images
            raise OSError(0, error.why or error.message) from error
        return saved_images_dir(context)

    return ImageFilter(folder)


def saved_images_dir(context: Context) -> Path:
    """Return the folder of saved images. Earlier runs have saved images under this name."""
    return context.paths.data_dir / "pictures"


def show_session(
    context: Context, stored: StoredSession, *, reasoning: bool, all_branches: bool
) -> None:
    """Show a session, in the pager if it is long."""
    from newapi_cli.render import session_view
    from newapi_cli.render.pager import page

    options = session_view.SessionViewOptions(reasoning, all_branches)
    theme, images = load_theme(context), image_filter(context)
    page(
        context.streams,
        session_view.show_session(context.streams, stored, theme, options, images),
    )
