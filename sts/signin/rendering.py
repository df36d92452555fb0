"""Pages are rendered from templates: every value is escaped, and one that is missing is a fault, not an empty text."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sts.legible import show
from sts.signin.answer import Shown


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders templates; *style* is the stylesheet, and *style_path* where it is found."""

    environment: Environment
    style: bytes
    style_path: str

    def render(self, shown: Shown, **more: Any) -> bytes:
        """Return the page in UTF-8."""
        template = self.environment.get_template(shown.template)
        return template.render(**shown.context, **more, style_path=self.style_path).encode("utf-8")


def build_renderer() -> Renderer:
    """Return a renderer of the templates of this package."""
    environment = Environment(
        loader=PackageLoader("sts.signin"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["show"] = show
    environment.filters["instant"] = lambda at: at.strftime("%Y-%m-%d %H:%M UTC")
    style = (resources.files("sts.signin") / "style.css").read_bytes()
    # Its address changes with it, so that it is kept by browsers and never an old one of another release.
    return Renderer(environment, style, f"/ui/style.{hashlib.sha256(style).hexdigest()[:16]}.css")
