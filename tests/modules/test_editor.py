"""The editor of a program: texts and demos by hand, exact prompts, trials, and where the result goes."""

from __future__ import annotations

from typing import Literal

import pytest
from payloads import PAYLOADS

import lmnb

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAA" + "A" * 402


class Route(lmnb.Signature):
    """Route the ticket."""

    ticket: str = lmnb.InputField(desc="as it came")
    team: Literal["billing", "tech"] = lmnb.OutputField()
    hours: list[int] = lmnb.OutputField()


class Router(lmnb.Module):
    def __init__(self):
        self.route = lmnb.Predict(Route)

    def forward(self, ticket):
        return self.route(ticket=ticket)


def reply(messages, **_):
    return {"team": "tech" if "Guess" in messages[0]["content"] else "billing", "hours": [1]}


@pytest.fixture
def editor():
    program = Router()
    program.route.demos = [lmnb.Example(ticket="Paid twice.", team="billing", hours=[1, 2])]
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        yield lmnb.edit(program, {"ticket": "Help!"})


def test_every_text_and_demo_is_a_slot_and_every_edit_can_be_undone(editor):
    """Instructions, descriptions of inputs and outputs, demos; a slot that is as it was is no edit."""
    assert list(editor.slots()) == [
        "route.instructions",
        "route.demos",
        "route.outputs['team'].desc",
        "route.outputs['hours'].desc",
        "route.inputs['ticket'].desc",
    ]
    editor.set("route.instructions", "Guess the team.")
    editor.set("route.inputs['ticket'].desc", "word for word")
    assert editor.program.route.signature.fields["ticket"].desc == "word for word"
    editor.undo()
    assert editor.edits == {"route.instructions": "Guess the team."}
    editor.redo()
    editor.set("route.instructions", "Route the ticket.")
    assert list(editor.edits) == ["route.inputs['ticket'].desc"] and repr(editor) == "Editor(Router, 1 edit)"
    with pytest.raises(lmnb.InputError, match="no edit to make again"):
        editor.redo()


def test_the_program_is_changed_by_apply_alone(editor):
    """And back by apply after an undo; a copy has the edits before."""
    program, before = editor.original, editor.original.route.instructions
    editor.set("route.instructions", "Guess.")
    editor.put_demo("route", {"ticket": "No light.", "team": "tech", "hours": "[3]"})
    assert program.route.instructions == before and len(program.route.demos) == 1
    assert editor.apply() is program and program.route.instructions == "Guess."
    assert program.route.demos[1].hours == [3] and program.route.demos[1].origin == "human"
    assert editor.to_dict()["applied"]
    editor.undo(), editor.undo()
    assert editor.program.route.instructions == before and not editor.to_dict()["applied"]
    editor.apply()
    assert program.route.instructions == before and len(program.route.demos) == 1


def test_demos_are_added_changed_and_taken_away(editor):
    """Texts are read as their fields' types, what shows a value as it was is that value."""
    editor.put_demo("route", {"ticket": "Paid once.", "team": "billing", "hours": "[1, 2]"}, at=0)
    assert editor.slots()["route.demos"][0].toDict() == {"ticket": "Paid once.", "team": "billing", "hours": [1, 2]}
    with pytest.raises(lmnb.InputError, match=r"hours is a list\[int\], not 'soon'"):
        editor.put_demo("route", {"ticket": "x", "team": "tech", "hours": "soon"})
    editor.drop_demo("route", 0)
    assert editor.program.route.demos == []
    with pytest.raises(lmnb.InputError, match="no demo number 0; it has 0 demos"):
        editor.drop_demo("route", 0)


def test_a_picture_stays_a_picture_where_its_text_comes_back():
    """A panel shows it by kind and size; what comes back unchanged from there is the picture, in demos and in inputs."""
    picture = lmnb.Image(PIXEL)
    program = lmnb.Predict("picture: lmnb.Image -> name", lm=lmnb.FakeLM([{"name": "dot"}]))
    program.demos = [lmnb.Example(picture=picture, name="point")]
    editor = lmnb.edit(program, {"picture": picture})
    state = editor.to_dict()
    assert PIXEL not in str(state)
    editor.put_demo("self", {**state["predictors"][0]["demos"][0]["fields"], "name": "dot"}, at=0)
    assert editor.slots()["self.demos"][0].toDict() == {"picture": picture, "name": "dot"}
    assert editor.try_on({"picture": state["inputs"][0]["text"]}).inputs["picture"] == picture


def test_prompts_are_exact_and_count_their_tokens(editor):
    """They are those of the program with the edits; a draft is looked at without being made."""
    was = editor.prompts()["route"]
    assert was.messages == editor.original.messages(ticket="Help!")
    assert was.counted and was.tokens == sum(len(each["content"]) for each in was.messages) // 4
    draft = editor.prompts(edits={"route.instructions": "Guess which team of ours answers this ticket best."})["route"]
    assert "Guess which team" in draft.messages[0]["content"] and draft.tokens > was.tokens and not editor.edits
    assert "{ticket}" in editor.prompts({})["route"].messages[-1]["content"]


def test_an_lm_without_a_tokenizer_has_estimates_that_say_so(editor):
    """The embedded model counts its own tokens: as many as its reply says that the prompt had."""
    with lmnb.context(lm=None):
        assert not editor.prompts()["route"].counted
    tiny = lmnb.LM("lmnb/tiny", cache=False)
    with lmnb.context(lm=tiny):
        prompt = editor.prompts()["route"]
        assert not editor.prompts({"ticket": "word " * 3000})["route"].counted  # more than it can read
    tiny(messages=prompt.messages, max_tokens=1)
    assert prompt.counted and prompt.tokens == tiny.history[-1].usage["prompt_tokens"]


def test_a_trial_calls_the_program_as_it_is_edited_or_as_it_was(editor):
    """Both stay to be compared; the call's trace is there, and a failure is a trial with its error."""
    editor.set("route.instructions", "Guess.")
    now, was = editor.try_on(), editor.try_on(edits={})
    assert (now.outputs["team"], was.outputs["team"]) == ("tech", "billing")
    assert list(now.edits) == ["route.instructions"] and was.edits == {} and now.trace.usage["calls"] == 1
    with lmnb.context(lm=lmnb.FakeLM(["?", "?"])):
        failed = editor.try_on({"ticket": "Other."})
    assert failed.outputs is None and failed.error.startswith("ParseError") and failed.number == 3
    assert [trial["error"] is None for trial in editor.to_dict()["trials"]] == [True, True, False]


def test_an_agent_shows_its_first_step_and_is_given_what_its_signature_says():
    """With its tools, and the prompts of later steps with what is not known yet; an input with a default may stay empty."""

    def search(query: str) -> str:
        """Looks it up."""
        return query

    signature = lmnb.Signature(
        {
            "question": (str, lmnb.InputField()),
            "k": (int, lmnb.InputField(default=3)),
            "answer": (str, lmnb.OutputField()),
        }
    )
    editor = lmnb.edit(lmnb.ReAct(signature, [search]))
    assert list(editor.inputs) == ["question", "k"] and "tools['search'].desc" in editor.slots()
    assert "{question}" in str(editor.prompts()["react"].messages)
    prompts = editor.prompts({"question": "Where?", "k": ""}, edits={"tools['search'].desc": "Asks the archive."})
    assert "Where?" in str(prompts["react"].messages) and "Asks the archive." in str(prompts["react"].messages)
    assert "{trajectory}" in str(prompts["extract.predict"].messages)
    program = lmnb.Predict(signature, lm=lmnb.FakeLM([{"answer": "here"}]))
    assert lmnb.edit(program).try_on({"question": "Where?"}).inputs == {"question": "Where?"}
    assert program.lm.calls[0]["messages"][-1]["content"].count("3") == 1


def test_edits_go_into_a_run_as_a_candidate(editor, tmp_path):
    """As a person's candidate with the edits; a description of an input is no slot of a run, which is said before."""
    data = [lmnb.Example(ticket=f"t{i}", team="tech").with_inputs("ticket") for i in range(4)]
    optimizer = lmnb.LabeledFewShot(k=1, metric=lambda e, p, trace=None: e.team == p.team)
    lm = lmnb.FakeLM(reply)
    with lmnb.context(lm=lm):
        run = optimizer.start(editor.original, trainset=data, valset=data, run_dir=tmp_path)
        run.wait()
    with pytest.raises(lmnb.InputError, match="Open it as"):
        editor.inject()
    with_run = lmnb.edit(editor.original, run=run)
    with pytest.raises(lmnb.InputError, match="nothing is edited"):
        with_run.inject()
    with_run.set("route.inputs['ticket'].desc", "word for word")
    with pytest.raises(lmnb.InputError, match=r"no slot .route"):
        with_run.inject()
    with_run.undo()
    with_run.set("route.instructions", "Guess.")
    made = with_run.inject()
    assert made.values["route.instructions"] == "Guess." and made.origin == "human"


def test_a_run_of_another_program_takes_no_edits(editor, tmp_path):
    """Said when the editor is opened, with both programs' predictors and fields; a tuned program of the run fits."""
    data = [lmnb.Example(ticket="t", team="tech", hours=[1]).with_inputs("ticket")]
    run = lmnb.LabeledFewShot(k=1).start(editor.original, trainset=data, run_dir=tmp_path)
    run.wait()
    assert lmnb.edit(run.result(), run=run).run is run
    with pytest.raises(
        lmnb.InputError, match=r"it has 'route' \(ticket -> team, hours\), and this one has 'self' \(a -> b\)"
    ):
        lmnb.edit(lmnb.Predict("a -> b"), run=run)
    other = Router()
    other.route = lmnb.Predict("ticket -> queue")
    with pytest.raises(lmnb.InputError, match="tunes another program, whose slots the edits do not fit"):
        lmnb.edit(other, run=run)
    for odd in (3, "runs/router"):
        with pytest.raises(lmnb.InputError, match=r"is no run\. Pass what optimizer\.start"):
            lmnb.edit(editor.original, run=odd)


@pytest.mark.parametrize("inputs", [{"tickt": "Help!"}, {"ticket": "Help!", "team": "tech"}, 3, "Help!"])
def test_inputs_that_the_program_does_not_take_are_told_before_a_call(editor, inputs):
    """By the editor itself, its prompts and its trials; of an example only the inputs are taken."""
    for ask in (
        lambda: lmnb.edit(editor.original, inputs),
        lambda: editor.prompts(inputs),
        lambda: editor.try_on(inputs),
    ):
        with pytest.raises(
            lmnb.InputError, match=r"takes no input '(tickt|team)'\. (Did you mean|It takes:)|by name, not as"
        ):
            ask()
    assert editor.trials == [] and editor.try_on(lmnb.Example(ticket="Paid.", team="tech")).inputs == {
        "ticket": "Paid."
    }


def test_a_program_whose_own_code_takes_what_it_is_given_is_tried_with_it():
    """Names that no signature declares; a row of a data set gives its predictors no options all the same."""

    class Free(lmnb.Module):
        def __init__(self):
            self.answer = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "yes"}]))

        def forward(self, **given):
            return self.answer(question=f"{given.pop('topic')}?", **given)

    editor = lmnb.edit(Free())
    assert editor.try_on({"topic": "Rain", "question": ""}).error.startswith("TypeError")
    editor = lmnb.edit(Free(), {"topic": "Rain", "config": {"api_base": "http://evil"}})
    editor.inputs.pop("question")
    assert "'config' is an option of the call" in editor.try_on().error


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (
            lambda e: e.put_demo("route", {"ticket": "a", "tem": "tech"}),
            "route has no field 'tem'. Did you mean 'team'?",
        ),
        (lambda e: e.put_demo("route", {}), "a demo is a dict of its fields, not {}"),
        (lambda e: e.put_demo("route", 3), "a demo is a dict of its fields, not 3. Write {'ticket': ..."),
        (lambda e: e.put_demo("route.demos", {"ticket": "a"}), "no predictor 'route.demos'. Did you mean 'route'?"),
        (lambda e: e.put_demo("self.demos", {"ticket": "a"}), "no predictor 'self.demos'. It has: route."),
        (lambda e: e.put_demo("route", {"ticket": "a"}, "x"), "no demo number 'x'; it has 1 demo"),
        (lambda e: e.drop_demo("route", 0.0), "no demo number 0.0"),
        (lambda e: e.set("route.demos", [{"tikcet": "a"}]), "no field 'tikcet'. Did you mean 'ticket'?"),
        (
            lambda e: e.set("route.demos", [lmnb.Example(Ticket="a", team="tech")]),
            "no field 'Ticket'. Did you mean 'ticket'?",
        ),
        (
            lambda e: e.set("route.demos", [lmnb.Example(TICKET="a", team="tech")]),
            "demo 0 of route is left out of the prompt, for it has no 'ticket'. It has: 'TICKET', 'team'. Its fields are",
        ),
        (
            lambda e: e.set("route.demos", [{"question": "a", "team": "tech"}]),
            "left out of the prompt, for it has no 'ticket'",
        ),
        (lambda e: e.set("route.demos", [{"color": "a"}]), "no field of route: ticket, team, hours"),
        (lambda e: e.set("route.instructions", " "), "is a text that says the task, not ' '"),
        (lambda e: e.set("route.outputs['team'].desc", 3), "is a text, not 3"),
        (lambda e: e.set(3, "a"), "no slot 3. It has: route.instructions"),
        (lambda e: e.prompts(edits=3), "edits are values by slot, not 3"),
    ],
)
def test_an_edit_that_fits_nothing_says_what_would(editor, edit, says):
    """Misspelt fields, slots and predictors, and values of another kind: in words, and nothing is changed."""
    with pytest.raises(lmnb.InputError) as told:
        edit(editor)
    assert says in str(told.value) and not editor.edits


def test_an_edited_program_says_that_its_score_is_of_the_one_before(tmp_path):
    """In its provenance, its file and its card, until the edit is undone; where it comes from is kept."""
    program = Router()
    scored = {"optimizer": "BootstrapRS", "score": 100.0, "scored_on": "8 examples (val)"}
    program.provenance = scored
    editor = lmnb.edit(program)
    assert editor.apply().provenance == scored
    editor.set("route.instructions", "Totally different.")
    assert program.provenance == scored and editor.program.provenance["edited"] == ["route.instructions"]
    editor.apply()
    told = {**scored, "edited": ["route.instructions"], "scored_on": "8 examples (val), of the program before the edit"}
    assert program.provenance == told
    program.save(tmp_path / "p.json")
    assert "of the program before the edit" in (tmp_path / "p.json").read_text()
    for card in (program.card(), program._repr_html_()):
        assert "100.0 % of 8 examples (val), of the program before the edit" in card.replace("\\", "")
        assert "route.instructions: the score is of the program before that" in card.replace("\\", "")
    again = lmnb.edit(program)
    again.set("route.inputs['ticket'].desc", "whole")
    again.apply()
    assert program.provenance == {**told, "edited": ["route.instructions", "route.inputs['ticket'].desc"]}
    again.undo()
    assert again.apply().provenance == told
    editor.undo()
    assert editor.apply().provenance == scored


def test_a_program_that_nothing_scored_keeps_no_trace_of_its_edits(editor):
    """One written by hand, which has no provenance."""
    editor.set("route.instructions", "Guess.")
    assert not editor.apply().provenance


def test_the_score_of_an_edited_program_weighs_no_vote(editor):
    """An ensemble says that it has to be scored again."""
    editor.original.provenance = {"score": 50.0}
    edited = lmnb.edit(editor.original)
    edited.set("route.instructions", "Guess.")
    with pytest.raises(lmnb.InputError, match=r"programs\[0\] was edited after it was scored"):
        lmnb.Ensemble(weights="score").compile([edited.apply()])


def test_who_watches_is_told_of_every_change(editor):
    """Edits, undo and trials, until unsubscribed."""
    told = []
    end = editor.subscribe(lambda: told.append(len(editor.edits)))
    editor.set("route.instructions", "Guess.")
    editor.undo()
    editor.try_on()
    end()
    editor.redo()
    assert told == [1, 0, 0]


def test_the_static_form_has_card_prompt_edits_and_trials_and_no_markup_of_theirs(editor):
    """Whatever stands in instructions, demos and replies, it stays text."""
    html = "".join(PAYLOADS)
    editor.set("route.instructions", html)
    editor.put_demo("route", {"ticket": html, "team": "tech", "hours": [1]})
    with lmnb.context(lm=lmnb.FakeLM(lambda messages: {"team": html, "hours": [1]})):
        editor.try_on({"ticket": html})
    shown = editor._repr_html_()
    assert 'data-lmnb="program"' in shown and 'data-lmnb="editor"' in shown and 'data-kind="trial"' in shown
    assert "2 edits, not applied" in shown and "<script" not in shown.lower() and "<img" not in shown.lower()


def test_the_static_form_marks_the_words_that_were_edited(editor):
    """Not the whole text, which hides one new word among many."""
    text = editor.slots()["route.instructions"]
    editor.set("route.instructions", f"{text} Now.")
    shown = editor._repr_html_()
    assert f'lm-words">{text}<ins> Now.</ins></div>' in shown and "<del>" not in shown


def test_what_is_no_program_is_refused_in_words():
    """The error says what to write."""
    with pytest.raises(lmnb.InputError, match=r"lmnb\.edit\(MyProgram\(\)\)"):
        lmnb.edit("question -> answer")
    with pytest.raises(lmnb.InputError, match=r"no slot 'self\.instruction'\. Did you mean 'self\.instructions'"):
        lmnb.edit(lmnb.Predict("a -> b")).set("self.instruction", "x")


def test_one_of_two_equal_demos_is_dropped():
    """The same object twice is two demos."""
    twice = [lmnb.Example(question="2 + 2?", answer="4")] * 2
    program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "4"}]))
    program.demos = twice
    editor = lmnb.edit(program)
    editor.drop_demo("self", 0)
    assert [demo.answer for demo in editor.slots()["self.demos"]] == ["4"]


def test_an_lm_that_lacks_its_library_still_shows_its_prompt():
    """The tokens are estimated then; what is missing is for a call to say."""

    class Bare(lmnb.FakeLM):
        def count_tokens(self, messages):
            raise lmnb.MissingExtra("torch", "train", "Bare")

    editor = lmnb.edit(lmnb.Predict("question -> answer", lm=Bare([{"answer": "4"}])), {"question": "2 + 2?"})
    assert not editor.prompts()["self"].counted and "estimated" in editor._repr_html_()
