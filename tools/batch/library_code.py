"""Which library code a notebook or a command depends on, name by name, and a hash of it.

The hash covers every function, class and constant that can be reached from the names in use, so a
new plot does not make an hour of training runs stale, and a change of the training loop does. It
goes by bare names and their code: where a definition lives does not count, nor do the lines that
import the library itself, so a module can be moved or renamed. Lines of comments, blank lines and
docstrings do not count; a comment behind code does.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from notebook.reading import Unusable

PACKAGE = "lenetcourse"
# Modules, by the last part of their names, at which the walk stops: they decide no value. The first
# three bring the bytes of a data set, which are held to their md5s; the others put files in their
# place, and tell whether a run that was stopped may go on.
STOPS = frozenset({"download", "sources", "idx", "files", "identity"})


@dataclass(eq=False)  # one module is one file as it was read: what follows from it is kept by it
class Module:
    """The top-level names of one file: their code, and where imported ones come from.

    `imported` maps names to the library's (module, name there), `outside` to what they are of other
    libraries, such as "torch.nn.functional".
    """

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def code_digest(tree: ast.AST, package: Path, stops: frozenset[str] = STOPS) -> str:
    """Return a hash of the library code that can be reached from the code in `tree`.

    Raises Unusable when it imports a name that the library does not have.
    """
    modules = read_package(package)
    for place, name in dict(imports(tree)).values():
        if name and name != "*" and not known(place, name, modules):
            raise Unusable(f"{'.'.join(filter(None, (PACKAGE, place)))} has no {name}")
    return digest(reachable(uses(tree, Module()), modules, stops), package)


def command_digest(
    start: Iterable[tuple[str, str]], package: Path, stops: frozenset[str] = STOPS
) -> str:
    """Return a hash of the library code that can be reached from (module, name) places.

    Raises Unusable for a place that is not there: a hash of nothing would never change.
    """
    start, modules = list(start), read_package(package)
    for module, name in start:
        if resolve(module, name, modules, public_homes(modules)) is None:
            raise Unusable(f"{PACKAGE}.{module} has no {name}")
    return digest(reachable(start, modules, stops), package)


def digest(places: Iterable[tuple[str, str]], package: Path) -> str:
    """Return a hash of definitions and of the package's files that they open."""
    modules = read_package(package)
    texts = sorted(f"{name}\n{code_text(modules[module], name)}" for module, name in places)
    for path in sorted(opened(places, package), key=lambda path: path.name):
        texts += [path.name, hashlib.sha256(path.read_bytes()).hexdigest()]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def opened(places: Iterable[tuple[str, str]], package: Path) -> set[Path]:
    """Return the package's files that definitions open: weights, pictures, the style sheet.

    A definition opens what it names: a file, a folder none of whose files it names, or a style
    sheet as Matplotlib does, "lenetcourse.course".
    """
    modules, found = read_package(package), set()
    files = [path for path in package.rglob("*") if path.is_file()]
    files = [path for path in files if path.suffix not in (".py", ".pyi", ".pyc")]
    for module, name in places:
        words = words_of(modules[module], name)
        found |= {path for path in files if f"{PACKAGE}.{path.stem}" in words}
        if "resources.files(" in code_text(modules[module], name):
            named = {path for path in files if path.name in words}
            folders = {path.parent for path in named}
            found |= named
            found |= {p for p in files if p.parent.name in words and p.parent not in folders}
    return found


@functools.cache
def words_of(module: Module, name: str) -> set[str]:
    """Return the strings that stand in a definition."""
    return {
        node.value
        for definition in module.definitions[name]
        for node in ast.walk(definition)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@functools.cache
def read_package(package: Path) -> dict[str, Module]:
    """Return the modules of the package: "training", "models.lenet", ... ("" is the package)."""
    return {module_name(path, package): read_module(path) for path in package.rglob("*.py")}


def module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_module(path: Path) -> Module:
    """Return what a file defines and imports. Raises Unusable for what cannot be followed."""
    text = path.read_text(encoding="utf-8")
    module = Module(lines=text.splitlines())
    try:
        body = ast.parse(text).body
        module.imported = {name: there for node in body for name, there in imports(node)}
        module.outside = {name: there for node in body for name, there in outside_imports(node)}
    except SyntaxError as error:
        raise Unusable(f"{path.name}: line {error.lineno}: {error.msg}") from error
    except Unusable as error:
        raise Unusable(f"{path.name}: {error}") from error
    for node in body:
        for name in bound_names(node):
            module.definitions.setdefault(name, []).append(node)
    return module


def imports(node: ast.AST) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """Yield the library's names that a statement imports: (name here, (module, name there))."""
    for inner in ast.walk(node):
        match inner:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.split(".")[0] == PACKAGE:
                        there = alias.name.removeprefix(PACKAGE).lstrip(".") if alias.asname else ""
                        yield alias.asname or PACKAGE, (there, None)
            case ast.ImportFrom(level=int(level)) if level:
                raise Unusable(f"line {inner.lineno}: relative imports are not followed")
            case ast.ImportFrom(module=str(module), names=names):
                if module.split(".")[0] == PACKAGE:
                    for alias in names:
                        there = module.removeprefix(PACKAGE).lstrip(".")
                        yield alias.asname or alias.name, (there, alias.name)


def outside_imports(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Yield what a top-level statement imports of other libraries: (name here, name there)."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for inner in ast.walk(node):
        match inner:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.split(".")[0] != PACKAGE:
                        yield alias.asname or alias.name.split(".")[0], alias.name
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] != PACKAGE:
                for alias in names:
                    yield alias.asname or alias.name, f"{module}.{alias.name}"


def bound_names(node: ast.stmt) -> list[str]:
    """Return the names that a top-level statement binds, imports aside."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return []
    found = []
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name):
                found.append(name)
            case ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.append(name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                found.append(name)
    return found


def uses(tree: ast.AST, module: Module) -> set[tuple[str, str]]:
    """Return the library's names that the code uses, as (module, name), before they are looked up.

    `module` is the file around the code: what it defines and imports has its own names there.
    """
    here = dict(imports(tree))
    known = module.imported | here
    found = {(place, name) for place, name in here.values() if name}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute():
                root, *attributes = dotted(node)
                if root in known:
                    place, inner = known[root]
                    steps = [place, inner, *attributes] if inner else [place, *attributes]
                    found.add((".".join(filter(None, steps[:-1])), steps[-1]))
            case ast.Name(id=name) if name in known and known[name][1]:
                found.add(known[name])
    return found


def dotted(node: ast.AST) -> list[str]:
    """Return the names of `a.b.c`, [""] for anything else, such as an attribute of a call."""
    match node:
        case ast.Name(id=name):
            return [name]
        case ast.Attribute(value=value, attr=attribute):
            return [*dotted(value), attribute]
    return [""]


def reachable(
    start: Iterable[tuple[str, str]],
    modules: dict[str, Module],
    stops: frozenset[str] = STOPS,
) -> set[tuple[str, str]]:
    """Return the places, (module, name), of all definitions that `start` leads to.

    What is in `stops`, a module by its last name or a definition as "module.name", is left out,
    with all that only it leads to.
    """
    homes = public_homes(modules)
    waiting, found = list(start), set()
    while waiting:
        module, name = waiting.pop()
        if name == "*" and module in modules:  # of `from ... import *`
            waiting += [(module, n) for n in (*modules[module].definitions, *homes)]
            continue
        place = resolve(module, name, modules, homes)
        if place is None or place in found or {room(place), f"{room(place)}.{place[1]}"} & stops:
            continue
        found.add(place)
        outer, inner = needs(modules[place[0]], place[1])
        waiting += [*outer, *((place[0], name) for name in inner)]
    return found


@functools.cache
def needs(module: Module, name: str) -> tuple[set[tuple[str, str]], set[str]]:
    """Return what a definition uses: (module, name) of the library's, and names of its own file."""
    outer, inner = set(), set()
    for node in module.definitions[name]:
        outer |= uses(node, module)
        inner |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return outer, inner & module.definitions.keys()


def room(place: tuple[str, str]) -> str:
    """Return the last part of a module's name: it may move, but not be renamed."""
    return place[0].rpartition(".")[2]


def resolve(module: str, name: str, modules: dict[str, Module], homes: dict[str, str]):
    """Return where a name is defined, or None when it is not a definition of the library."""
    if module == "" and name in homes:
        module = homes[name]
    if module not in modules:
        return None
    if name in modules[module].definitions:
        return module, name
    if name in modules[module].imported:
        place, inner = modules[module].imported[name]
        return resolve(place, inner, modules, homes) if inner else None
    return None


def known(module: str, name: str, modules: dict[str, Module]) -> bool:
    """Return whether a module of the library has that name: a definition or another module."""
    inner = f"{module}.{name}".lstrip(".")
    return inner in modules or bool(resolve(module, name, modules, public_homes(modules)))


def public_homes(modules: dict[str, Module]) -> dict[str, str]:
    """Return the map of the package's public names to their modules, `_HOME`."""
    for node in modules[""].definitions.get("_HOME", []) if "" in modules else []:
        return ast.literal_eval(node.value)
    return {}


@functools.cache
def code_text(module: Module, name: str) -> str:
    """Return the code of a definition without comments, blank lines, docstrings and own imports.

    Before it stand the names that it uses under another one than they have where they come from:
    those of other libraries, and aliases of the library's own.
    """
    kept = renamed(module, name)
    for node in module.definitions[name]:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        dropped = docstring_lines(node) | own_import_lines(node)
        for number in range(first, node.end_lineno + 1):
            line = module.lines[number - 1].rstrip()
            if number not in dropped and line.strip() and not line.lstrip().startswith("#"):
                kept.append(line)
    return "\n".join(kept)


def renamed(module: Module, name: str) -> list[str]:
    """Return lines "name = where it comes from" for what a definition uses from its imports."""
    used = {
        node.id
        for definition in module.definitions[name]
        for node in ast.walk(definition)
        if isinstance(node, ast.Name)
    }
    there = dict(module.outside)
    there |= {
        here: inner for here, (_, inner) in module.imported.items() if inner and inner != here
    }
    return [f"{here} = {there[here]}" for here in sorted(used & there.keys())]


def docstring_lines(node: ast.AST) -> set[int]:
    """Return the numbers of the lines that hold nothing but docstrings."""
    lines: set[int] = set()
    for inner in ast.walk(node):
        body = getattr(inner, "body", None)
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and len(body) > 1:
            match body[0]:
                case ast.Expr(value=ast.Constant(value=str())) as docstring:
                    lines.update(range(docstring.lineno, docstring.end_lineno + 1))
    return lines


def own_import_lines(node: ast.AST) -> set[int]:
    """Return the numbers of the lines that import names of the library."""
    lines: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Import, ast.ImportFrom)) and list(imports(inner)):
            lines.update(range(inner.lineno, inner.end_lineno + 1))
    return lines
