"""Rights through any history: decisions, sight and lists are those of an independent evaluator over plain sets."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest
from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.entities.ledger import Effect
from herdbook.errors import NotFoundError, RegistryError
from herdbook.names import PrincipalName, parse_securable
from herdbook.policy.granting import DENIABLE, GRANTABLE
from herdbook.service import Founding, Metastore, subjects
from herdbook.settings import Settings
from herdbook.testing.rights_model import Line, Refused, RightsModel, Thing
from herdbook.verdicts import Allowed, Privilege, Requirement, SecurableKind, Sight

K = SecurableKind
P = Privilege
FOUNDER = "user:os/founder"
PEOPLE = ("user:ann", "user:bob", "service:bot")
GROUPS = ("group:team", "role:lead")
EVERYBODY = (FOUNDER, *PEOPLE, *GROUPS)
WORDS = {K.CATALOG: "catalog", K.SCHEMA: "schema", K.REGISTERED_MODEL: "registered_model"}
PLUGINS, POLICY = load_plugins(Settings()), read_policy(None)
EXAMPLES, STEPS = 32, 40
PICK = st.integers(0, 999)
# Mostly the founder acts, or little would ever be let through; and mostly what matters is given.
ACTORS = st.sampled_from((FOUNDER,) * 4 + PEOPLE)
HEAVY = (P.USE_CATALOG, P.USE_SCHEMA, P.ALL_PRIVILEGES, P.MANAGE, P.BROWSE, P.READ_METADATA, P.CREATE_MODEL, P.APPROVE)
PRIVILEGES = st.sampled_from(HEAVY * 3 + tuple(P))
LEVELS = st.sampled_from(("a", "b", "a-"))
ALIASES = st.sampled_from((None,) * 5 + ("champion",))
THEN = st.sampled_from((None, "restore", "restore", "purge"))
EFFECTS = st.sampled_from((Effect.ALLOW, Effect.ALLOW, Effect.DENY))
GIVEN = st.tuples(st.sampled_from((*EVERYBODY[1:], *EVERYBODY)), PRIVILEGES, PICK, ALIASES, EFFECTS)
UNASKABLE = {P.CREATE_SCHEMA: {K.METASTORE}, P.CREATE_MODEL: {K.METASTORE, K.CATALOG}}


class RightsMachine(RuleBasedStateMachine):
    """Asks registry and model the same, and compares all that anybody may do, know and list."""

    tally: ClassVar[Counter[str]] = Counter()

    @initialize(begins=st.lists(GIVEN, min_size=6, max_size=14))
    def found(self, begins):
        self.folder = Path(tempfile.mkdtemp())
        self.metastore = Metastore(
            store=SqlStore.open("sqlite://"),
            artifacts=FileStore(self.folder),
            authorizer=CasbinAuthorizer(shipped_model()),
            checks=PLUGINS,
            clock=SystemClock(),
            ids=Uuid7Ids(),
        )
        founder = PrincipalName.parse(FOUNDER)
        self.metastore.open(Founding(creator=founder, policy=POLICY))
        me = self.metastore.asserted(founder)
        admin = self.metastore.for_caller(me)
        top = self.metastore.core.store.metastore_id()
        self.model = RightsModel(top=Thing(id=top, kind=K.METASTORE, level="", parent=None, owner=None))
        self.model.people[FOUNDER] = me.principal_id
        for name in (*PEOPLE, *GROUPS):
            self.model.people[name] = admin.create_principal(name).id
        for privilege in (P.MANAGE, P.CREATE_CATALOG):
            self.model.lines.add(Line(who=me.principal_id, privilege=privilege, effect=Effect.ALLOW, on=top))
        main = self.model.add(admin.get_catalog("main").id, self.model.top, "main", me.principal_id)
        inner = self.model.add(admin.get_schema("main.default").id, main, "default", me.principal_id)
        for level in ("a", "b"):
            made = admin.create_registered_model(f"main.default.{level}").id
            self.model.add(made, inner, level, me.principal_id)
        self.turn = 0
        for group, who in (("group:team", "user:ann"), ("role:lead", "group:team"), ("role:lead", "service:bot")):
            admin.add_member(group, who)
            self.model.members.add((self.model.people[who], self.model.people[group]))
        for who in ("user:ann", "role:lead"):
            for privilege in (P.USE_CATALOG, P.USE_SCHEMA):
                self.set_line(FOUNDER, who, privilege, self.thing(0), None, Effect.ALLOW)
        for who, privilege, pick, alias, effect in begins:
            self.set_line(FOUNDER, who, privilege, self.target(pick), alias, effect)

    def teardown(self):
        if hasattr(self, "metastore"):
            self.look(tuple(P))
            self.metastore.close()
            shutil.rmtree(self.folder)

    def registry(self, name):
        return self.metastore.for_caller(self.model.caller(name))

    def both(self, verb, actor, of_registry, of_model):
        """Ask both; fail where one refuses and the other does not, or in another way; return the registry's answer."""
        if actor not in self.model.people:
            return None
        answer, said, wanted = None, "done", "done"
        try:
            answer = of_registry(self.registry(actor))
        except RegistryError as error:
            said = type(error).__name__
        try:
            of_model()
        except Refused as refused:
            wanted = str(refused)
        assert said == wanted, (verb, actor)
        self.tally[f"{verb} {said}"] += 1
        return answer

    def thing(self, pick):
        live = self.model.live()
        return live[pick % len(live)] if live else self.model.top

    def target(self, pick):
        """Return what a line is to hang on: the metastore now and then."""
        return self.model.top if pick % 7 == 0 else self.thing(pick)

    @rule(actor=ACTORS, given=GIVEN)
    def give(self, actor, given):
        who, privilege, pick, alias, effect = given
        self.set_line(actor, who, privilege, self.target(pick), alias, effect)

    @rule(actor=ACTORS, given=GIVEN, more=GIVEN)
    def give_two(self, actor, given, more):
        self.give(actor, given)
        self.give(actor, more)

    def set_line(self, actor, who, privilege, thing, alias, effect):
        """Grant or deny something."""
        alias = None if thing is self.model.top else alias
        kind = thing.kind if alias is None else K.MODEL_ALIAS
        name = thing.name if alias is None else f"{thing.name}@{alias}"
        line = Line(who="", privilege=privilege, effect=effect, on=thing.id, alias=alias)
        fitting = (DENIABLE if effect is Effect.DENY else GRANTABLE)[kind]
        if privilege not in fitting and self.turn % 5:
            privilege = sorted(fitting)[self.turn % len(fitting)]
            line = evolve(line, privilege=privilege)
        fits = privilege in fitting
        verb = "deny" if effect is Effect.DENY else "grant"
        self.both(
            verb,
            actor,
            lambda r: getattr(r, verb)(who, privilege, name),
            lambda: self.model.give(actor, line, who, thing, fits=fits),
        )

    @precondition(lambda self: self.model.lines)
    @rule(actor=ACTORS, pick=PICK, every=st.sampled_from((False, False, True)))
    def take(self, actor, pick, every):
        names = {principal_id: name for name, principal_id in self.model.people.items()}
        found = sorted(self.model.lines, key=repr)
        line = found[pick % len(found)]
        thing = self.model.things.get(line.on, self.model.top)
        if not thing.live:
            return
        line = evolve(line, privilege=P.ALL_PRIVILEGES) if every and line.effect is Effect.ALLOW else line
        name = thing.name if line.alias is None else f"{thing.name}@{line.alias}"
        verb = "lift_deny" if line.effect is Effect.DENY else "revoke"
        who = names[line.who]
        self.both(
            verb,
            actor,
            lambda r: getattr(r, verb)(who, line.privilege, name),
            lambda: self.model.take(actor, line, who, thing),
        )

    @rule(actor=ACTORS, pick=PICK, level=LEVELS, top=st.sampled_from((False, False, True)))
    def create(self, actor, pick, level, top):
        parent = self.model.top if top else self.thing(pick)
        if parent.kind is K.REGISTERED_MODEL:
            parent = parent.parent
        name = level if parent is self.model.top else f"{parent.name}.{level}"
        word = WORDS[{K.METASTORE: K.CATALOG, K.CATALOG: K.SCHEMA, K.SCHEMA: K.REGISTERED_MODEL}[parent.kind]]
        made = self.both(
            "create",
            actor,
            lambda r: getattr(r, f"create_{word}")(name),
            lambda: self.model.create(actor, parent, level),
        )
        if made is not None:
            self.model.add(made.id, parent, level, self.model.people[actor])

    @precondition(lambda self: self.model.live())
    @rule(actor=ACTORS, pick=PICK, level=LEVELS)
    def rename(self, actor, pick, level):
        thing = self.thing(pick)
        new = ".".join([*thing.name.split(".")[:-1], level])
        self.both(
            "rename",
            actor,
            lambda r: getattr(r, f"rename_{WORDS[thing.kind]}")(thing.name, new),
            lambda: self.model.rename(actor, thing, level),
        )

    @precondition(lambda self: self.model.live())
    @rule(actor=ACTORS, pick=PICK, other=ACTORS, then=THEN)
    def delete(self, actor, pick, other, then):
        thing = self.thing(pick)
        self.both(
            "delete",
            actor,
            lambda r: getattr(r, f"delete_{WORDS[thing.kind]}")(thing.name, force=True),
            lambda: self.model.delete(actor, thing),
        )
        if then is not None and thing.deleted:
            self.from_trash(other, thing, then)

    @precondition(lambda self: self.model.trashed())
    @rule(actor=ACTORS, pick=PICK, verb=st.sampled_from(("restore", "restore", "purge")))
    def any_from_trash(self, actor, pick, verb):
        trashed = sorted(self.model.trashed(), key=lambda thing: thing.id)
        self.from_trash(actor, trashed[pick % len(trashed)], verb)

    def from_trash(self, actor, thing, verb):
        """Restore or purge something."""
        self.both(
            verb,
            actor,
            lambda r: getattr(r, f"{verb}_{WORDS[thing.kind]}")(thing.id),
            lambda: getattr(self.model, verb)(actor, thing),
        )

    @precondition(lambda self: self.model.live())
    @rule(actor=ACTORS, pick=PICK, heir=st.sampled_from(EVERYBODY[:-1]))
    def transfer(self, actor, pick, heir):
        thing = self.thing(pick)
        self.both(
            "transfer",
            actor,
            lambda r: r.transfer_ownership(thing.name, heir),
            lambda: self.model.transfer(actor, thing, heir),
        )

    @rule(
        actor=ACTORS, group=st.sampled_from(GROUPS), who=st.sampled_from((*PEOPLE, "group:team")), joins=st.booleans()
    )
    def membership(self, actor, group, who, joins):
        if group == who:
            return

        def judge():
            self.model.need(actor, P.MANAGE, self.model.top)
            pair = tuple(reversed((self.model.known(group), self.model.known(who))))
            before = set(self.model.members)
            if not joins and pair not in before:
                raise Refused("NotFoundError")
            self.model.members = before | {pair} if joins else before - {pair}
            if self.model.members != before:
                self.model.still_administered(before, "members")

        verb = "add_member" if joins else "remove_member"
        self.both(verb, actor, lambda r: getattr(r, verb)(group, who), judge)

    @precondition(lambda self: self.turn % 4 == 0)
    @rule(actor=ACTORS, who=st.sampled_from(EVERYBODY), enabled=st.sampled_from((True, True, False)))
    def enable(self, actor, who, enabled):
        def judge():
            self.model.need(actor, P.MANAGE, self.model.top)
            before, one = set(self.model.disabled), {self.model.known(who)}
            self.model.disabled = before - one if enabled else before | one
            if self.model.disabled != before:
                self.model.still_administered(before, "disabled")

        self.both("enable", actor, lambda r: r.update_principal(who, enabled=enabled), judge)

    @precondition(lambda self: self.turn % 8 == 0)
    @rule(actor=ACTORS, who=st.sampled_from((*PEOPLE, *GROUPS)))
    def replace_principal(self, actor, who):
        """Delete a principal and make another of its name, who inherits nothing."""

        def judge():
            self.model.need(actor, P.MANAGE, self.model.top)
            gone = self.model.known(who)
            before = evolve(self.model)
            self.model.disabled = self.model.disabled | {gone}
            self.model.members = {pair for pair in self.model.members if gone not in pair}
            self.model.lines = {line for line in self.model.lines if line.who != gone}
            if not self.model.admins():
                self.model.disabled, self.model.members, self.model.lines = (
                    before.disabled,
                    before.members,
                    before.lines,
                )
                raise Refused("ConflictError")

        old = self.model.people[who]
        self.both("replace", actor, lambda r: r.delete_principal(who), judge)
        if old not in self.model.disabled or who in self.current():
            return
        admin = self.registry(self.model.admins()[0])
        self.model.people[who] = admin.create_principal(who).id

    def current(self):
        """Return the names of the principals that the registry has."""
        admin = self.registry(self.model.admins()[0])
        return {str(principal.name) for principal in admin.list_principals(max_results=1000).items}

    @invariant()
    def agree(self):
        if hasattr(self, "model"):
            self.turn += 1
            every = tuple(P)
            self.look((every[self.turn % len(every)], P.MANAGE, P.READ_METADATA, HEAVY[self.turn % len(HEAVY)]))

    def look(self, privileges):
        """Compare decisions and sight on everything, and all lists, for everybody who acts."""
        reference = self.model.reference()
        authority, point = self.metastore.core.gate.authority, self.metastore.core.store.point
        places = [(each, None) for each in (self.model.top, *self.model.live())]
        places += [(each, "champion") for each, _ in places if each.kind is K.REGISTERED_MODEL]
        for who in (FOUNDER, *PEOPLE):
            caller = self.model.caller(who)
            for thing, alias in places:
                ours = thing.chain(alias)
                theirs = subjects.securable(parse_securable(ours.object.name)).resolve(point).chain
                for privilege in privileges:
                    if ours.object.kind in UNASKABLE.get(privilege, ()):
                        continue
                    requirement = Requirement(privilege=privilege, kind=ours.object.kind)
                    decision = authority.decide(caller, requirement, theirs)
                    case = (who, privilege, ours.object.name)
                    assert isinstance(decision, Allowed) is reference.can(caller, privilege, ours), case
                    if not isinstance(decision, Allowed):
                        assert (decision.sight is Sight.KNOWN) is reference.knows(caller, ours), case
            self.look_at_lists(
                self.registry(who), {t.name for t, _ in places[1:] if reference.knows(caller, t.chain())}
            )

    def look_at_lists(self, registry, known):
        """Compare the lists of somebody, who may know these names."""
        depth = {number: {name for name in known if name.count(".") == number} for number in range(3)}
        assert {str(each.name) for each in registry.list_catalogs(max_results=1000).items} == depth[0]
        assert {str(each.name) for each in registry.search_registered_models(max_results=1000).items} == depth[2]
        for thing in self.model.live():
            if thing.kind is K.REGISTERED_MODEL:
                continue
            lister = registry.list_schemas if thing.kind is K.CATALOG else registry.list_registered_models
            below = {name for name in known if name.rpartition(".")[0] == thing.name}
            try:
                found = {str(each.name) for each in lister(thing.name, max_results=1000).items}
            except NotFoundError:
                assert thing.name not in known
            else:
                assert found == below
                assert thing.name in known


VERBS = {"grant", "deny", "revoke", "lift_deny", "create", "rename", "delete", "restore", "purge", "transfer"}
VERBS |= {"add_member", "remove_member", "enable", "replace"}


@pytest.mark.timeout(600)
def test_rights_follow_from_what_was_done():
    """After each step everybody may do, know and list what the evaluator says; no verb was always refused."""
    RightsMachine.tally.clear()
    examples = EXAMPLES
    while examples < 10 * EXAMPLES:
        run_state_machine_as_test(
            RightsMachine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=STEPS,
                derandomize=True,
                database=None,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        done = {key.partition(" ")[0] for key in RightsMachine.tally if key.endswith(" done")}
        if done >= VERBS:
            return
        examples *= 2
    pytest.fail(f"never let through: {VERBS - done}")
