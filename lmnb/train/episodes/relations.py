"""What is said and asked of people, relation by relation, as templates; those under "held" are for evaluation alone."""

from __future__ import annotations

# relation -> what it says, what it asks; {n} a name, {v} the value, {an_v} the value with its article, {x} who is meant
RELATIONS = {
    "city": {
        "says": {
            "train": [
                "{n} lives in {v}.",
                "The home of {n} is in {v}.",
                "{n} has a flat in {v}.",
                "You find {n} in {v}.",
                "{v} is the home of {n}.",
                "{n} came to {v} and stayed.",
            ],
            "held": ["{n} has a house in {v}."],
        },
        "asks": {
            "train": [
                "Where does {x} live?",
                "In which city is the home of {x}?",
                "Where is the home of {x}?",
                "Which city is the home of {x}?",
                "{x} lives where?",
            ],
            "held": ["What city does {x} live in?"],
        },
    },
    "job": {
        "says": {
            "train": [
                "{n} works as {an_v}.",
                "{n} is {an_v}.",
                "The job of {n} is {v}.",
                "{n} earns a living as {an_v}.",
                "{n} is happy as {an_v}.",
                "{n} has a job, {v}.",
            ],
            "held": ["{n} makes money as {an_v}."],
        },
        "asks": {
            "train": [
                "What is the job of {x}?",
                "What does {x} work as?",
                "What work does {x} do?",
                "As what does {x} work?",
                "{x} works as what?",
            ],
            "held": ["Which job does {x} have?"],
        },
    },
    "pet": {
        "says": {
            "train": [
                "{n} has {an_v}.",
                "The pet of {n} is {an_v}.",
                "{n} owns {an_v}.",
                "{an_v} belongs to {n}.",
                "{n} takes care of {an_v}.",
                "{n} came with {an_v}.",
            ],
            "held": ["{n} keeps {an_v} as a pet."],
        },
        "asks": {
            "train": [
                "What pet does {x} have?",
                "Which animal does {x} have?",
                "Which pet does {x} have?",
                "What animal belongs to {x}?",
                "{x} has which pet?",
            ],
            "held": ["What is the pet of {x}?"],
        },
    },
    "color": {
        "says": {
            "train": [
                "{n} likes {v}.",
                "The color of {n} is {v}.",
                "{v} is the color of {n}.",
                "{n} chose {v}.",
                "{n} wears {v}.",
                "{n} paints the door {v}.",
            ],
            "held": ["The best color for {n} is {v}."],
        },
        "asks": {
            "train": [
                "What color does {x} like?",
                "Which color is the color of {x}?",
                "What is the color of {x}?",
                "Which color did {x} choose?",
                "{x} likes which color?",
            ],
            "held": ["Which color does {x} like?"],
        },
    },
    "food": {
        "says": {
            "train": [
                "{n} eats {v}.",
                "{n} often eats {v}.",
                "{n} ate {v}.",
                "For lunch {n} has {v}.",
                "{n} cooks {v}.",
                "{v} is what {n} eats.",
            ],
            "held": ["Every day {n} eats {v}."],
        },
        "asks": {
            "train": [
                "What does {x} eat?",
                "Which food does {x} eat?",
                "What did {x} eat?",
                "{x} eats what?",
                "What does {x} cook?",
            ],
            "held": ["What food does {x} often eat?"],
        },
    },
    "drink": {
        "says": {
            "train": [
                "{n} drinks {v}.",
                "{n} always drinks {v}.",
                "{n} drank {v}.",
                "{n} orders {v}.",
                "With lunch {n} drinks {v}.",
                "{v} is what {n} drinks.",
            ],
            "held": ["In the morning {n} drinks {v}."],
        },
        "asks": {
            "train": [
                "What does {x} drink?",
                "Which drink does {x} like?",
                "What did {x} drink?",
                "{x} drinks what?",
                "What does {x} order?",
            ],
            "held": ["What does {x} always drink?"],
        },
    },
    "sport": {
        "says": {
            "train": [
                "The sport of {n} is {v}.",
                "{n} loves {v}.",
                "{n} is good at {v}.",
                "{n} trains {v}.",
                "On Sunday {n} does {v}.",
                "{v} is the sport of {n}.",
            ],
            "held": ["The best sport for {n} is {v}."],
        },
        "asks": {
            "train": [
                "What is the sport of {x}?",
                "Which sport does {x} love?",
                "At which sport is {x} good?",
                "{x} does which sport?",
                "What does {x} train?",
            ],
            "held": ["What sport does {x} love?"],
        },
    },
    "instrument": {
        "says": {
            "train": [
                "{n} plays the {v}.",
                "{n} plays the {v} every day.",
                "{n} learns the {v}.",
                "{n} is good on the {v}.",
                "On Sunday {n} plays the {v}.",
                "The {v} is what {n} plays.",
            ],
            "held": ["At night {n} plays the {v}."],
        },
        "asks": {
            "train": [
                "What does {x} play?",
                "Which instrument does {x} play?",
                "On which instrument is {x} good?",
                "{x} plays what?",
                "What does {x} learn?",
            ],
            "held": ["What instrument does {x} play?"],
        },
    },
    "language": {
        "says": {
            "train": [
                "{n} speaks {v}.",
                "{n} often speaks {v}.",
                "{n} learned {v}.",
                "{n} writes in {v}.",
                "{n} knows {v}.",
                "{v} is the language of {n}.",
            ],
            "held": ["At home {n} speaks {v}."],
        },
        "asks": {
            "train": [
                "What does {x} speak?",
                "Which language does {x} speak?",
                "Which language did {x} learn?",
                "In which language does {x} write?",
                "{x} speaks what?",
            ],
            "held": ["What language does {x} speak?"],
        },
    },
    "place": {
        "says": {
            "train": [
                "{n} is in the {v}.",
                "{n} waits in the {v}.",
                "You find {n} in the {v}.",
                "{n} went to the {v}.",
                "{n} sits in the {v}.",
                "The {v} is where {n} is.",
            ],
            "held": ["{n} stays in the {v}."],
        },
        "asks": {
            "train": [
                "Where is {x}?",
                "In which room is {x}?",
                "Where can I find {x}?",
                "In what room is {x}?",
                "{x} is in which room?",
            ],
            "held": ["Which room is {x} in?"],
        },
    },
    "thing": {
        "says": {
            "train": [
                "{n} lost {an_v}.",
                "{n} needs {an_v}.",
                "{n} misses {an_v}.",
                "{n} wants {an_v}.",
                "{n} forgot {an_v}.",
                "{an_v} is what {n} needs.",
            ],
            "held": ["{n} is looking for {an_v}."],
        },
        "asks": {
            "train": [
                "What did {x} lose?",
                "What does {x} need?",
                "What did {x} forget?",
                "What does {x} miss?",
                "{x} needs what?",
            ],
            "held": ["What is {x} looking for?"],
        },
    },
}
LINKS = {
    "train": [
        "The {r} of {n} is {m}.",
        "{m} is the {r} of {n}.",
        "{n} has a {r}, {m}.",
        "{n} has {m} as a {r}.",
        "{m}, the {r} of {n}, is here.",
        "The {r} of {n}? That is {m}.",
    ],
    "held": ["The {r} of {n} is named {m}.", "{m} is also the {r} of {n}."],
}
KIN = ["friend", "boss", "neighbor", "brother", "sister", "cousin", "partner", "teacher"]
NOUNS = {  # what a relation is called, for "The old color of {n} is {v}."
    "city": "town",
    "job": "work",
    "pet": "animal",
    "color": "color",
    "food": "meal",
    "drink": "drink",
    "sport": "sport",
    "instrument": "instrument",
    "language": "language",
    "place": "room",
    "thing": "thing",
}
BARE = ("color", "food", "drink", "sport", "language")  # values that stand without an article
