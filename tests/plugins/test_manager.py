"""The plugin manager, over distributions that are really on disk and really found by importlib.metadata."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest
from attrs import frozen

from herdbook.errors import InvalidArgumentError, PluginConflictError, PluginLoadError
from herdbook.plugins import ArtifactScheme, PluginInfo, PluginManager, PluginStatus, hookimpl

TAPE = """
from attrs import frozen
from herdbook.plugins import ArtifactScheme, hookimpl

@frozen(kw_only=True)
class TapeOptions:
    drive: str
    speed: int = 1

@hookimpl
def herdbook_artifact_schemes():
    return [ArtifactScheme(name="tape", open=lambda uri, options: (uri, options), options=TapeOptions)]
"""
CHECK = """
from herdbook.plugins import PreRegisterCheck, hookimpl

@hookimpl
def herdbook_pre_register_checks():
    return [PreRegisterCheck(name="NAME", version="1", target="some.module:check", order=ORDER)]
"""
LOADERS = """
from herdbook.plugins import ModelLoader, hookimpl

@hookimpl
def herdbook_model_loaders():
    return [
        ModelLoader(name="zeta", flavors=("onnx",), load=lambda folder, flavor: "zeta", order=1),
        ModelLoader(name="alpha", flavors=("onnx", "sklearn"), load=lambda folder, flavor: "alpha"),
    ]
"""


class Tape:
    """A plugin as an object, for those that come with the product."""

    @hookimpl
    def herdbook_artifact_schemes(self):
        return [ArtifactScheme(name="tape", open=lambda uri, _: uri)]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a plugin: a module and the metadata of its distribution; returns its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def make(
        name: str, source: str, *, distribution: str | None = None, version: str = "1.0", module: str | None = None
    ) -> EntryPoint:
        own = module or f"hb_test_{name.replace('-', '_')}"
        monkeypatch.delitem(sys.modules, own, raising=False)
        dist = distribution or f"herdbook-{name}"
        folder = tmp_path / "site" / f"{dist.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (folder / "entry_points.txt").write_text(f"[herdbook]\n{name} = {own}\n")
        (folder.parent / f"{own}.py").write_text(source)
        return next(iter(Distribution.at(folder).entry_points))._for(Distribution.at(folder))

    return make


def the(manager: PluginManager, name: str) -> PluginInfo:
    """The plugin of that name."""
    return {info.name: info for info in manager.plugins()}[name]


def test_plugins_of_the_environment_are_found(install):
    """What is installed is found by its entry point, with its distribution, version, hooks and contributions."""
    install("tape", TAPE, version="3.1")
    info = the(PluginManager.load(), "tape")
    assert info == PluginInfo(
        name="tape",
        distribution="herdbook-tape",
        version="3.1",
        status=PluginStatus.OK,
        hooks=("herdbook_artifact_schemes",),
        contributions=("artifact scheme tape",),
    )


def test_builtins_use_the_same_door():
    """A built-in plugin is collected like any other, and comes with Herdbook's own version."""
    manager = PluginManager.load(builtins=[("builtin-tape", Tape())], installed=[])
    assert manager.artifact_scheme("tape").open("tape:1", None) == "tape:1"
    assert the(manager, "builtin-tape").origin.startswith("herdbook ")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (TAPE.replace("herdbook_artifact_schemes", "herdbook_artifact_scheme"), "'herdbook_artifact_schemes'"),
        (TAPE.replace("def herdbook_artifact_schemes()", "def herdbook_artifact_schemes(nope)"), "nope"),
        ("x = 1", "no hook"),
        (TAPE.replace("return [", "raise OSError('no drive')\n    return ["), "OSError: no drive"),
        (TAPE.replace("return [", "yield 1\n    return ["), "int, not a ArtifactScheme"),
        (TAPE.replace("return [", "return 'tape'\n    return ["), "'tape', not a list"),
        (TAPE.replace("return [", "return None\n    return ["), "None, not a list"),
        (TAPE.replace("return [", "return 7\n    return ["), "7, not a list"),
        (TAPE.replace('name="tape"', "name=None"), "name"),
        (TAPE.replace('name="tape"', 'name=""'), "name"),
        (TAPE.replace('name="tape"', 'name="tape", order="first"'), "order"),
        (TAPE.replace("open=lambda uri, options: (uri, options)", "open=None"), "open"),
        (TAPE.replace("options=TapeOptions", "options=dict"), "options"),
        (TAPE.replace("return [", "return 2 * ["), "twice"),
        (CHECK.replace("NAME", "x").replace("ORDER", "1, timeout_s=0"), "timeout_s"),
        (CHECK.replace("NAME", "x").replace("ORDER", "1, memory_mb=0"), "memory_mb"),
        (CHECK.replace("some.module:check", "some.module.check").replace("ORDER", "1"), "module:function"),
        (CHECK.replace('version="1"', "version=1").replace("ORDER", "1"), "version"),
        (LOADERS.replace('("onnx",)', '"onnx"'), "flavors"),
    ],
)
def test_what_a_plugin_does_wrong_stays_its_own(install, source, why):
    """A plugin that breaks anyhow is listed as failed with its error, contributes nothing, and the others work."""
    points = [install("broken", source), install("good", LOADERS)]
    manager = PluginManager.load(installed=points)
    broken = the(manager, "broken")
    assert broken.status is PluginStatus.FAILED
    assert broken.error is not None
    assert why in broken.error
    assert the(manager, "good").status is PluginStatus.OK
    assert manager.loader_for(["sklearn"]).name == "alpha"


def test_each_implementation_is_collected_on_its_own(install):
    """Where one hook of a plugin fails, what its other hooks contribute stays; the plugin is listed as failed."""
    source = TAPE + LOADERS.replace("return [", "raise OSError('no onnx')\n    return [")
    manager = PluginManager.load(installed=[install("half", source)])
    info = the(manager, "half")
    assert info.status is PluginStatus.FAILED
    assert info.error == "herdbook_model_loaders raised OSError: no onnx"
    assert info.contributions == ("artifact scheme tape",)
    assert manager.artifact_scheme("tape").name == "tape"
    with pytest.raises(PluginLoadError, match="no onnx"):
        PluginManager.load(installed=[install("half", source, version="2")], required=["half"])


def test_contributions_are_ordered(install):
    """By order, then by name, whatever the plugins' names."""
    install("a", CHECK.replace("NAME", "late").replace("ORDER", "9"))
    manager = PluginManager.load(installed=[install("b", LOADERS)])
    assert manager.loader_for(["onnx"]).name == "zeta"
    assert manager.loader_for(["onnx", "sklearn"]).name == "zeta"
    assert manager.loader_for(["onnx"], name="alpha").name == "alpha"
    same = LOADERS.replace(", order=1", "")
    assert PluginManager.load(installed=[install("c", same)]).loader_for(["onnx"]).name == "alpha"


def test_one_name_of_one_kind_from_two_plugins_is_refused(install):
    """The error names the contribution and both distributions with their versions, and blocking one helps."""
    points = [install("tape", TAPE, version="1.5"), install("reel", TAPE, distribution="acme-reel", version="0.2")]
    with pytest.raises(PluginConflictError, match="artifact scheme 'tape'") as caught:
        PluginManager.load(installed=points)
    assert "acme-reel 0.2" in caught.value.message
    assert "herdbook-tape 1.5" in caught.value.message
    assert PluginManager.load(installed=points, block=["reel"]).artifact_scheme("tape").name == "tape"


def test_one_name_of_two_kinds_is_no_conflict(install):
    """A check and an artifact scheme may have the same name."""
    points = [install("tape", TAPE), install("check", CHECK.replace("NAME", "tape").replace("ORDER", "1"))]
    manager = PluginManager.load(installed=points)
    assert manager.check("tape").target == "some.module:check"
    assert manager.artifact_scheme("tape").options is not None


def test_one_plugin_name_from_two_distributions_is_refused(install):
    """Nothing could say which of them is meant; the error names both."""
    points = [
        install("tape", TAPE, version="1.5"),
        install("tape", LOADERS, distribution="acme-tape", version="7", module="hb_test_other"),
    ]
    with pytest.raises(PluginConflictError, match="plugin 'tape'") as caught:
        PluginManager.load(installed=points)
    assert "herdbook-tape 1.5" in caught.value.message
    assert "acme-tape 7" in caught.value.message
    assert the(PluginManager.load(installed=points, block=["tape"]), "tape").status is PluginStatus.BLOCKED


def test_no_distribution_can_pass_for_a_builtin(install):
    """An installed plugin that takes a built-in one's name is refused."""
    point = install("builtin-tape", LOADERS, distribution="acme-fake")
    with pytest.raises(PluginConflictError, match="acme-fake"):
        PluginManager.load(installed=[point], builtins=[("builtin-tape", Tape())])


def test_a_missing_required_plugin_refuses_to_start():
    """The error says what to install."""
    with pytest.raises(PluginLoadError, match="'modelcard' is not installed") as caught:
        PluginManager.load(installed=[], required=["modelcard"])
    assert caught.value.hint == "Install herdbook-modelcard."


def test_a_failed_required_plugin_refuses_to_start(install):
    """The error says which distribution failed, and why."""
    point = install("tape", "raise RuntimeError('no drive')", version="1.5")
    with pytest.raises(PluginLoadError, match=r"herdbook-tape 1\.5.*RuntimeError: no drive"):
        PluginManager.load(installed=[point], required=["tape"])


def test_a_blocked_required_plugin_refuses_to_start(install):
    """What is required and blocked at once is a mistake, and said to be one."""
    with pytest.raises(PluginLoadError, match="blocked") as caught:
        PluginManager.load(installed=[install("tape", TAPE)], required=["tape"], block=["tape"])
    assert "None" not in str(caught.value)


def test_required_without_plugins_says_so(install):
    """With plugins switched off, the error does not send anybody to install what is installed."""
    with pytest.raises(PluginLoadError, match="switched off"):
        PluginManager.load(installed=[install("tape", TAPE)], required=["tape"], enabled=False)


@pytest.mark.parametrize("chosen", [{"block": ["tape"]}, {"allow": ["other"]}, {"allow": []}])
def test_what_is_not_let_in_is_not_even_imported(install, chosen):
    """A blocked plugin runs no code, is listed, and is named where its scheme is asked for."""
    point = install("tape", "raise SystemExit('imported')")
    manager = PluginManager.load(installed=[point], **chosen)
    assert the(manager, "tape").status is PluginStatus.BLOCKED
    assert the(manager, "tape").error is None
    with pytest.raises(PluginLoadError, match=r"'tape'.*blocked: tape \(herdbook-tape 1\.0\)"):
        manager.artifact_scheme("tape")


def test_allow_lets_in_what_it_names(install):
    """Only what is on the list."""
    points = [install("tape", TAPE), install("good", LOADERS)]
    manager = PluginManager.load(installed=points, allow=["tape"])
    assert [info.status for info in manager.plugins()] == [PluginStatus.BLOCKED, PluginStatus.OK]


def test_without_plugins_there_are_the_builtins_alone(install):
    """And the settings of those that are not loaded are no mistake then."""
    point = install("tape", "raise SystemExit('imported')")
    manager = PluginManager.load(
        installed=[point], enabled=False, builtins=[("builtin-tape", Tape())], options={"tape": {"drive": "x"}}
    )
    assert [info.name for info in manager.plugins()] == ["builtin-tape"]


@pytest.mark.parametrize("ask", ["artifact_scheme", "registry_scheme", "metadata_scheme", "check"])
def test_what_nobody_offers_is_named(install, ask):
    """The error says what was asked, which plugin failed and why, and what to install."""
    point = install("objectstore", "raise ImportError('obstore is missing')", version="0.3")
    manager = PluginManager.load(installed=[point])
    with pytest.raises(PluginLoadError, match=r"objectstore 0\.3\): ImportError: obstore is missing") as caught:
        getattr(manager, ask)("s3")
    assert "'s3'" in caught.value.message
    assert caught.value.hint == "Install herdbook-objectstore."


@pytest.mark.parametrize("flavors", [[], ["sklearn"]])
def test_a_model_that_nothing_loads(flavors):
    """The error names its flavors and what to install."""
    with pytest.raises(PluginLoadError, match=flavors[0] if flavors else "none") as caught:
        PluginManager.load(installed=[]).loader_for(flavors)
    assert "herdbook-mlflow" in str(caught.value)
    with pytest.raises(PluginLoadError, match="'acme'"):
        PluginManager.load(installed=[]).loader_for(flavors, name="acme")


def test_options_become_the_plugins_own_type(install):
    """The `[plugins.NAME]` table is structured strictly, defaults and all."""
    manager = PluginManager.load(installed=[install("tape", TAPE)], options={"tape": {"drive": "/dev/st0"}})
    scheme = manager.artifact_scheme("tape")
    options = manager.options_for(scheme)
    assert type(options).__name__ == "TapeOptions"
    assert (options.drive, options.speed) == ("/dev/st0", 1)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"drive": "x", "sped": 1}, "sped.*speed"),
        ({"drive": "x", "speed": "9"}, r"\[plugins\.tape\].*speed"),
        ({"drive": 1}, "drive"),
        ({"speed": 1}, "drive"),
    ],
)
def test_wrong_options_refuse_to_start(install, table, why):
    """A mistake in a plugin's table is found at start-up, with table and key, not when the plugin is first used."""
    with pytest.raises(InvalidArgumentError, match=why):
        PluginManager.load(installed=[install("tape", TAPE)], options={"tape": table})


def test_options_that_nobody_takes_are_refused(install):
    """A table for a plugin without options, or for none, is a mistake; the nearest name is given."""
    point = install("loaders", LOADERS)
    with pytest.raises(InvalidArgumentError, match=r"\[plugins\.loaders\].*takes none"):
        PluginManager.load(installed=[point], options={"loaders": {"fast": True}})
    with pytest.raises(InvalidArgumentError, match="Did you mean 'loaders'"):
        PluginManager.load(installed=[point], options={"loader": {}})
    with pytest.raises(InvalidArgumentError, match="None are installed"):
        PluginManager.load(installed=[], options={"loader": {}})


def test_options_of_a_plugin_with_and_without():
    """Where only one of a plugin's contributions takes options, the other gets none and is no reason to refuse."""

    @frozen(kw_only=True)
    class Options:
        size: int = 3

    class Both:
        @hookimpl
        def herdbook_artifact_schemes(self):
            return [
                ArtifactScheme(name="one", open=lambda _, options: options, options=Options),
                ArtifactScheme(name="two", open=lambda _, options: options),
            ]

    manager = PluginManager.load(installed=[], builtins=[("both", Both())], options={"both": {"size": 4}})
    assert manager.options_for(manager.artifact_scheme("one")) == Options(size=4)
    assert manager.options_for(manager.artifact_scheme("two")) is None


def test_a_distribution_that_is_half_gone_stops_nobody(tmp_path, monkeypatch, install):
    """What an interrupted uninstall leaves behind (entry points without metadata) is a failed plugin, no crash."""
    install("tape", TAPE)
    folder = Path(tmp_path / "site" / "ghost-1.0.dist-info")
    folder.mkdir()
    (folder / "entry_points.txt").write_text("[herdbook]\nghost = hb_test_ghost\n")
    manager = PluginManager.load()
    assert the(manager, "ghost").status is PluginStatus.FAILED
    assert manager.artifact_scheme("tape").name == "tape"
