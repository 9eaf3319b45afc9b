"""Texts that would run where a page takes them for more than text, and a run whose every text is one of them.

Each calls `__fire(n)` with its own number; what that does is up to the page. The Python ones touch the file FIRED.
This file is also copied beside the notebooks of the browser tests.
"""

from __future__ import annotations

import dataclasses
import re

import lmnb

FIRED = "FIRED"
_TOUCH = f"__import__('pathlib').Path('{FIRED}').touch()"
_COMMAND = '{"path":"x","code":"__fire(0)"}'

# {} is the call; an item is a text, or what it attacks is said beside it
_TEMPLATES = [
    # out of text
    "<script>{}</script>",
    "<ScRiPt >{}</sCrIpT >",
    "<scr<script>ipt>{}</scr</script>ipt>",
    "<script src=data:text/javascript,{}></script>",
    "<script type=module>{}</script>",
    # out of elements whose content is no markup
    "</script><script>{}</script>",
    "</style><script>{}</script>",
    "</textarea><script>{}</script>",
    "</title><img src=x onerror={}>",
    "</pre></div></div></div><img src=x onerror={}>",
    "<style>@import 'http://fired.test/{}';*{{background:url(http://fired.test/{})}}</style>",
    "--><img src=x onerror={}><!--",
    "]]><img src=x onerror={}>",
    "<noscript><p title='</noscript><img src=x onerror={}>'>",
    # out of attributes
    '"><img src=x onerror={}>',
    "'><img src=x onerror={}>",
    '" onmouseover="{}" onfocus="{}" autofocus tabindex="1" style="animation:x',
    "' onfocus='{}' autofocus tabindex='1",
    "`onmouseover={}`",
    '"style="background:url(http://fired.test/{})',
    # event handlers of all sorts of elements
    "<img src=x onerror={}>",
    "<img src='http://fired.test/{}.png'>",
    "<body onload={} onpageshow={}>",
    "<details open ontoggle={}><summary>x</summary></details>",
    "<input autofocus onfocus={}>",
    "<video><source onerror={}></video>",
    "<audio src=x onerror={}></audio>",
    "<marquee onstart={}>x</marquee>",
    "<object data='javascript:{}'></object><embed src='data:text/html,<script>{}</script>'>",
    "<button data-commandlinker-command='terminal:create-new' data-commandlinker-args='" + _COMMAND + "'>{}</button>",
    "<form action='javascript:{}'><input type=submit><button formaction='javascript:{}'>x</button></form>",
    # links and documents
    "<a href='javascript:{}'>x</a>",
    "<a href=' java\tscript:{}'>x</a>",
    "<a href='data:text/html,<script>{}</script>'>x</a>",
    "javascript:{}",
    "data:text/html;base64,PHNjcmlwdD5fX2ZpcmUoMCk8L3NjcmlwdD4= {}",
    "<base href='http://fired.test/{}'>",
    "<link rel=stylesheet href='http://fired.test/{}.css'>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<meta http-equiv=refresh content='0;url=http://fired.test/{}'>",
    "<iframe src='javascript:{}'></iframe>",
    "<iframe srcdoc='<script>{}</script>'></iframe>",
    "<iframe src='data:text/html,<script>{}</script>'></iframe>",
    # other languages inside of HTML
    "<svg onload={}>",
    "<svg><script>{}</script></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s></svg>",
    "<svg><a xlink:href='javascript:{}'><text y=9>x</text></a></svg>",
    "<svg><foreignObject><img src=x onerror={}></foreignObject></svg>",
    "<math><mtext></mtext><mglyph><style><!--</style><img title='--><img src=x onerror={}>'></mglyph></math>",
    "<math href='javascript:{}'><mi>x</mi></math>",
    "$$\\href{{javascript:{}}}{{x}}$$ $\\unicode{{x}}$ \\(\\require{{html}}\\href{{javascript:{}}}{{x}}\\)",
    "![x](http://fired.test/{}.png) [x](javascript:{}) <http://fired.test/{}>",
    "# heading\n\n```html\n<script>{}</script>\n```\n| a |\n|---|\n| <img src=x onerror={}> |",
    # out of JSON and of templates
    '"}}</script><script>{}</script>',
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "\\x3cimg src=x onerror={}\\x3e",
    "&lt;script&gt;{}&lt;/script&gt; &#60;img src=x onerror={}&#62;",
    "${{{}}} {{{{{}}}}} <%= {} %> %({})s {{0.__class__}}",
    # characters that hide
    "\x00<scr\x00ipt>{}</scr\x00ipt>",
    "\x1b[31mred\x1b[0m \x1b]8;;javascript:{}\x07link\x1b]8;;\x07 \x1b]0;{}\x07 \x9b31m",
    "\u202egnp.\u2066{}\u2069 \u200b\u2028<img src=x onerror={}>\ufeff",
    "\ud83d\ude00 \uff1cscript\uff1e{}\uff1c/script\uff1e \u3008img onerror={}\u3009".encode(
        "utf-16", "surrogatepass"
    ).decode("utf-16"),
]

PAYLOADS: list[str] = [
    re.sub(r"\{\}", f"__fire({n})", template).replace("{{", "{").replace("}}", "}")
    for n, template in enumerate(_TEMPLATES)
] + [
    # Python, where a text becomes code
    f'"""\n{_TOUCH}\n"""',
    f"'''\n{_TOUCH}\n'''",
    f'\\"""\n{_TOUCH}\n#\\',
    f"' + {_TOUCH} + '",
    f"{{{_TOUCH}}}",
]


def _asked(messages):
    """The number of the example that a request is about, and whether it is the first request for it."""
    turns = [message for message in messages if message["role"] == "user"]
    found = re.findall(r"example number (\d+)", messages[-1]["content"]) or re.findall(
        r"example number (\d+)", turns[-2]["content"] if len(turns) > 1 else ""
    )
    return int(found[0]) if found else 0


def reply(messages, **options):
    """A payload as a field; every third time first a payload as the whole reply, which does not parse."""
    number = _asked(messages)
    first = "example number" in messages[-1]["content"]
    if number % 3 == 0 and first:
        return PAYLOADS[number % len(PAYLOADS)]
    return {"thought": PAYLOADS[(number + 1) % len(PAYLOADS)], "answer": PAYLOADS[number % len(PAYLOADS)]}


class Hostile(lmnb.Module):
    """One predictor that is called, and one for each payload as an instruction and as a field's description."""

    def __init__(self):
        super().__init__()
        self.ask = lmnb.Predict(lmnb.Signature("number, text -> thought, answer", PAYLOADS[0]))
        self.others = [lmnb.Predict(signature_of(text)) for text in PAYLOADS]

    def forward(self, number, text):
        return self.ask(number=number, text=text)


def signature_of(text):
    """A signature whose instructions and descriptions are `text`."""
    fields = {
        "question": (str, lmnb.InputField(desc=text)),
        "verdict": (str, lmnb.OutputField(desc=text)),
    }
    return lmnb.Signature(fields, text)


def judge(example, prediction, trace=None):
    """Every fourth time an error whose text is a payload, else feedback that is one."""
    number = int(example.number.rpartition(" ")[2])
    if number % 4 == 1:
        raise ValueError(PAYLOADS[number])
    return lmnb.Score(number % 2, feedback=PAYLOADS[number])


def examples(count=None):
    """An example for each payload: as an input and, another one, as a label."""
    size = len(PAYLOADS)
    return [
        lmnb.Example(
            number=f"example number {n}",
            text=PAYLOADS[n],
            thought=PAYLOADS[(n + 5) % size],
            answer=PAYLOADS[(n + 9) % size],
        ).with_inputs("number", "text")
        for n in range(size if count is None else count)
    ]


class Labels(lmnb.BootstrapFewShotWithRandomSearch):
    """The search with a payload as each candidate's label."""

    def candidate_for(self, seed, task, labeled_sample):
        candidate = yield from super().candidate_for(seed, task, labeled_sample)
        return dataclasses.replace(candidate, label=PAYLOADS[(seed + 3) % len(PAYLOADS)])


def hostile_run(candidates=4, **options):
    """A run with payloads wherever a text can be; its second candidate holds every payload as a demo."""
    lmnb.configure(lm=lmnb.FakeLM(reply, model=PAYLOADS[14]))
    optimizer = Labels(
        metric=judge,
        max_bootstrapped_demos=2,
        max_labeled_demos=len(PAYLOADS),
        num_candidate_programs=candidates,
        max_errors=10**6,
    )
    return optimizer.start(Hostile(), trainset=examples(), valset=examples(), num_threads=4, **options)


def decide(run):
    """Every payload as the reason of a decision, as an instruction of a person, and as a demo of theirs."""
    for number, text in enumerate(PAYLOADS):
        run.reject(number % 2, text)
        run.undo()
    for text in PAYLOADS[1:4]:
        run.edit(0, "ask.instructions", text + " ")
        run.inject(demo={"number": text, "text": text, "thought": text, "answer": text})
