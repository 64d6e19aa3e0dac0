"""Pages that are made from files of the project, so that nothing is written twice: README, examples, the command."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from pygments.formatters import HtmlFormatter
from typer.testing import CliRunner

from glassnet.cli import app
from glassnet.doctor import CODES, explain
from glassnet.doctor.explain import overview

#: The files that are pages, and the pages that they become; links between them are led there.
PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "src/glassnet/data/embedded/README.md": "licences.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for source, page in PAGES.items():
        text = Path(source).read_text(encoding="utf-8")
        for other, target in PAGES.items():
            text = text.replace(f"]({other})", f"]({target})")
        text = text.replace("](docs/", "](")  # its pictures are beside the pages
        files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, "examples.md", content=examples()))
    files.append(File.generated(config, "command.md", content=command()))
    files.append(File.generated(config, "findings.md", content=findings()))
    for code in CODES:
        files.append(File.generated(config, f"findings/{code}.md", content=explain(code)))
    colours = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    files.append(File.generated(config, "highlight.css", content=colours))
    return files


def examples() -> str:
    """The programs in ``examples/``, each with its docstring as text."""
    parts = ["# Examples", "Programs to read in this order and to run; each takes seconds."]
    for path in sorted(Path("examples").glob("[0-9]*.py")):
        source = path.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(source)) or ""
        code = source[source.index('"""', 3) + 3 :].strip()
        number, name = path.stem.split("_", 1)
        title = f"## {int(number)}. {name.replace('_', ' ').capitalize()}"
        parts += [title, docstring.replace("*", "\\*"), f"`{path.as_posix()}`", f"```python\n{code}\n```"]
    return "\n\n".join(parts)


def command() -> str:
    """What ``glassnet --help`` says, and the help of each of its commands."""
    parts = ["# The command", "What `glassnet` can do, as `--help` says it."]
    names = list(typer.main.get_command(app).commands)
    for arguments in ([], *([name] for name in names)):
        shown = " ".join(["glassnet", *arguments])
        result = CliRunner().invoke(app, [*arguments, "--help"], prog_name="glassnet", terminal_width=84)
        if result.exit_code:
            raise RuntimeError(f"{shown} --help failed: {result.output}")
        parts += [f"## {shown}", f"```text\n{result.output.strip()}\n```"]
    return "\n\n".join(parts)


def findings() -> str:
    """What the doctor can find, each with a page of its own."""
    return re.sub(r"^- \*\*([\w-]+)\*\*", r"- [\1](findings/\1.md)", overview(), flags=re.MULTILINE)


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a reference in which a public name is missing."""
    pages = Path(config.site_dir).glob("*.html")
    found = {name for page in pages for name in re.findall(r'id="glassnet\.([\w.]+)"', page.read_text("utf-8"))}
    described = {name.rsplit(".", 1)[-1] for name in found}
    for part in (
        "",
        ".engine",
        ".nn",
        ".nn.functional",
        ".nn.init",
        ".optim",
        ".data",
        ".train",
        ".models",
        ".doctor",
        ".plots",
        ".plots.expression",
    ):
        module = import_module(f"glassnet{part}")
        for name in getattr(module, "__all__", []):
            if name not in described and not inspect.ismodule(getattr(module, name)):
                raise PluginError(f"glassnet{part}.{name} is on no page of the reference.")
