"""The words of the embedded model's world, written for it, and which of them training never sees.

A noun may carry its plural (`knife/knives`) or a star where it has none (`rain*`). `HELD` words, names and labels are
kept for evaluation; which ones is decided by a digest of the word, so that a new word changes nothing for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

VERSION = "4"  # of the generator as a whole: raise it when any generated text changes

_TOPICS = {
    "billing": "invoice refund payment charge receipt fee card bill discount price subscription credit surcharge voucher",
    "shipping": "parcel delivery courier package tracking* shipment postage* carton label depot driver doorstep box van",
    "login": "password username account signin pin lockout profile authentication* reset email token code passkey user",
    "software": "crash bug update app error screen install browser version freeze button menu plugin backup program",
    "hardware": "printer keyboard monitor cable battery charger laptop mouse/mice speaker router plug fan scanner chip",
    "weather": "rain* storm snow* wind sunshine* cloud fog* thunder* forecast hail* drizzle* frost breeze lightning*",
    "sports": "football goal match coach referee team stadium league tennis* score trophy player race medal athlete",
    "music": "guitar song concert drum melody piano singer album chorus violin band rhythm flute choir tune trumpet",
    "cooking": "recipe oven flour* soup pan onion spice sauce knife/knives garlic* stew pot grill kettle spoon mixer",
    "travel": "flight hotel passport luggage* airport ticket tourist visa cruise map hostel boarding* suitcase journey",
    "health": "doctor fever medicine clinic nurse pain headache vaccine cough surgery pill bandage patient hospital",
    "school": "teacher homework* exam classroom lesson pupil textbook grade library essay chalk* diploma student course",
    "finance": "bank loan interest* stock investor market fund dividend mortgage savings* broker budget bond asset",
    "garden": "seed soil* flower shovel lawn hedge tulip compost* rake greenhouse weed rose bush gardener pond",
    "animals": "dog cat horse rabbit puppy kitten cow sheep/sheep goat hamster parrot pony turtle donkey chicken",
    "space": "rocket planet orbit astronaut telescope comet satellite galaxy moon launch asteroid star crater probe",
    "law": "judge court lawyer verdict contract trial witness jury crime appeal lawsuit clause sentence prison",
    "fashion": "dress shirt shoe jacket skirt scarf coat hat jeans* glove sweater belt blouse suit boot collar",
    "cars": "engine brake tire wheel garage clutch gearbox mechanic motor bumper windshield exhaust bonnet trunk",
    "cinema": "film actor director scene trailer camera script premiere audience sequel studio comedy screening actress",
    "politics": "election vote senator parliament minister campaign law mayor treaty ballot policy debate party reform",
    "sea": "ship harbor wave anchor sail captain island beach fish/fish whale tide coral sailor shore boat",
    "home": "sofa kitchen roof carpet window curtain bedroom lamp shelf/shelves bathroom ceiling door stair cupboard",
    "books": "novel author chapter poem publisher page story plot cover poet reader bookshop paragraph editor",
    "jobs": "salary interview resume manager office career hiring* intern boss promotion shift overtime* wage colleague",
    "food": "pizza bread* cheese salad burger pasta* cake coffee sandwich rice* chocolate butter sausage pancake",
    "trains": "train platform station conductor carriage railway timetable locomotive tunnel track commuter compartment",
    "farming": "farm harvest tractor wheat* barn field crop plow farmer hay* cattle* orchard silo fence",
    "insurance": "insurance* policyholder claim accident damage* coverage* premium insurer liability theft adjuster risk",
    "housing": "rent* tenant landlord apartment lease deposit flat neighbor building elevator balcony basement hallway",
}

DESCRIPTIONS = {
    "billing": ["payments", "money matters"],
    "shipping": ["deliveries", "parcels"],
    "login": ["accounts", "passwords"],
    "software": ["programs", "apps"],
    "hardware": ["devices", "equipment"],
    "weather": ["the weather", "rain and wind"],
    "sports": ["games and matches", "sport"],
    "music": ["songs", "concerts"],
    "cooking": ["recipes", "the kitchen"],
    "travel": ["trips", "flights"],
    "health": ["medicine", "illness"],
    "school": ["lessons", "education"],
    "finance": ["banking", "investments"],
    "garden": ["gardening", "flowers"],
    "animals": ["pets", "an animal"],
    "space": ["rockets and planets", "astronomy"],
    "law": ["courts", "legal matters"],
    "fashion": ["clothes", "clothing"],
    "cars": ["driving", "vehicles"],
    "cinema": ["films", "movies"],
    "politics": ["elections", "government"],
    "sea": ["ships", "the ocean"],
    "home": ["furniture", "the house"],
    "books": ["reading", "novels"],
    "jobs": ["work", "careers"],
    "food": ["meals", "eating"],
    "trains": ["railways", "stations"],
    "farming": ["farms", "harvests"],
    "insurance": ["claims", "damage"],
    "housing": ["rent", "apartments"],
}

POSITIVE = (
    "great excellent wonderful amazing lovely superb fantastic pleasant brilliant delightful perfect charming good "
    "splendid marvelous enjoyable impressive helpful friendly beautiful"
).split()
NEGATIVE = (
    "terrible awful horrible bad dreadful poor disgusting boring disappointing ugly nasty useless broken rude annoying "
    "faulty dirty miserable unpleasant worthless"
).split()
NEUTRAL = (
    "okay average ordinary plain usual standard normal typical regular moderate common fair acceptable middling"
).split()

NAMES = (
    "Anna Ben Carla David Emma Frank Grace Henry Irene Jack Karen Leo Maria Nina Oscar Paula Quinn Rosa Sam Tina Umar Vera "
    "Walter Xenia Yusuf Zoe Alice Boris Clara Dmitri Elena Felix Greta Hugo Ivan Julia Kurt Laura Marco Nora Otto Pedro "
    "Ruth Simon Tara Ursula Victor Wendy Adam Bella Carlos Diana Eric Fiona George Hannah Isaac Jane Kevin Linda Martin "
    "Olga Peter Rachel Stefan Tom Viktor Willa Amir Bianca Cesar Dora Edgar Flora Gavin Helen Igor Janet Karl Lucia Mona "
    "Nadia Omar Petra Ralph Sofia Theo Una Vincent Yara Zack Albert Bruno Cora Denis Esther Fred Gina Harold Ines Jonas "
    "Kira Lars Mila Noah Olive Paul Rita Sven Thea Vito Wanda Aaron Beth Colin Daisy Emil Fay Gloria Hector Ida Joel Kate "
    "Lena Max Nick Orla Phil Rosie Sonia Tim Vince Yvonne"
).split()
CITIES = (
    "Paris London Berlin Madrid Rome Vienna Oslo Lisbon Dublin Athens Cairo Tokyo Delhi Lima Quito Boston Chicago Denver "
    "Seattle Toronto Sydney Prague Warsaw Budapest Helsinki Geneva Milan Naples Porto Bruges Zurich Munich Hamburg Lyon "
    "Turin Venice Seville Dallas Austin Houston Miami Ottawa Havana Bogota Santiago Nairobi Lagos Tunis Dakar Mumbai Seoul "
    "Osaka Kyoto Manila Hanoi Jakarta Perth Auckland Krakow Riga Tallinn Vilnius Sofia Zagreb Belgrade Ghent Basel Leeds "
    "York Bristol"
).split()
JOBS = (
    "baker pilot farmer painter plumber dentist tailor barber chef gardener librarian carpenter butcher fisherman florist "
    "clerk miner potter sculptor weaver teacher nurse lawyer waiter cook driver singer dancer actor writer farrier mason "
    "roofer welder porter banker grocer sailor hunter tutor surgeon cashier plasterer electrician mechanic optician"
).split()
COLORS = (
    "red blue green yellow black white orange purple pink brown gray golden silver violet beige cream turquoise"
).split()
PETS = "dog cat horse rabbit parrot hamster turtle goldfish pony goat canary lizard ferret pigeon donkey snake".split()
FOODS = (
    "pizza soup bread cheese salad pasta rice cake fish chicken honey yogurt curry stew porridge noodles beans toast "
    "dumplings pancakes"
).split()
DRINKS = "tea coffee milk water juice lemonade cocoa cider beer wine".split()
SPORTS = (
    "tennis football chess golf hockey rugby boxing rowing skiing swimming cycling archery judo fencing volleyball"
).split()
INSTRUMENTS = "guitar piano violin flute drum trumpet cello harp clarinet organ accordion banjo".split()
LANGUAGES = "French German Spanish Italian Greek Polish Arabic Russian Turkish Swedish Dutch Danish Hindi Czech".split()
PLACES = (
    "kitchen garden attic cellar garage bedroom office hallway balcony barn library bathroom pantry shed porch workshop"
).split()
ITEMS = (
    "apple pear pencil coin stamp marble cookie shell sticker card egg book ball flower candle button pen cup plate spoon "
    "bottle box bag ticket nail brick lemon plum orange peach onion potato/potatoes tomato/tomatoes carrot bean nut leaf/leaves "
    "stone feather ribbon badge poster toy doll kite key ring bead hat scarf sock glove"
)
THINGS = (
    "key wallet phone umbrella lamp clock mirror basket hammer blanket pillow bucket broom ladder notebook camera ring "
    "necklace bracelet compass flute whistle lantern map letter envelope vase jar tray towel comb brush helmet backpack "
    "bicycle radio guitar candle scarf hat book coin cup plate knife spoon bottle box bag ticket"
)
VERBS = (  # base, third person, past
    "need/needs/needed like/likes/liked want/wants/wanted see/sees/saw find/finds/found check/checks/checked "
    "miss/misses/missed order/orders/ordered return/returns/returned fix/fixes/fixed lose/loses/lost get/gets/got "
    "send/sends/sent use/uses/used open/opens/opened close/closes/closed move/moves/moved clean/cleans/cleaned "
    "replace/replaces/replaced keep/keeps/kept share/shares/shared test/tests/tested change/changes/changed "
    "bring/brings/brought buy/buys/bought sell/sells/sold watch/watches/watched choose/chooses/chose "
    "describe/describes/described mention/mentions/mentioned forget/forgets/forgot remember/remembers/remembered "
    "borrow/borrows/borrowed hold/holds/held carry/carries/carried drop/drops/dropped paint/paints/painted "
    "discuss/discusses/discussed study/studies/studied draw/draws/drew love/loves/loved hate/hates/hated"
)
ADVERBS = (
    "today again now soon here yesterday already often always quickly twice once later "
    "tomorrow slowly finally suddenly usually early sometimes"
).split()
ADJECTIVES = (
    "new old big small red late early cheap heavy light empty full strange simple quiet loud long short warm cold wet dry "
    "clean dirty safe dark bright soft hard round flat wide narrow deep strong weak fast slow open closed right wrong "
    "missing broken ready useful rare famous okay good bad great terrible awful useless"
).split()
OTHERS = (  # plain words for prose, questions and pseudo-labels; the first ones carry no topic
    "the a an and or but of in on at to for with from by about after before between under over near not no yes is are was "
    "were be been do does did have has had can could will would should may must this that these those it its he she they "
    "them his her their we us our you your i me my mine who what where when why which how there here then than too also "
    "very so only even please still really just maybe never nearly both all some any each every many much more most less "
    "few several other another same such one two "
    "three four five six seven eight nine ten first second third last next half pair dozen number word line text list "
    "name place time day week month year hour minute morning evening night way part kind sort group class category section "
    "topic queue folder team unit department request message ticket note input output result answer question problem reason "
    "example task rule format letter sentence phrase order bracket dash comma bullet quote upper lower case reverse repeat "
    "add join count give write read choose reply return use send route sort classify decide explain compute solve find "
    "look search think know help thanks thank hello hi goodbye sorry welcome glad happy sad busy fine course sure friend "
    "brother sister mother father uncle aunt cousin boss neighbor partner student customer support service shop store "
    "office street road bridge river lake hill park square corner building room floor wall table chair bed desk drawer "
    "someone something anyone nobody everyone people person man woman child children boy girl family world country city "
    "town village house life work money water fire air earth sky sun light dark sound voice color shape size weight live "
    "lives works likes owns plays speaks drinks eats keeps lost gone wait waits came come goes go went take takes took make "
    "makes made show shows let put puts stay stays left correct incorrect because therefore if while until since though "
    "instead together alone away back out off up down across through during without against among within tool argument "
    "call query context passage fact person capital born author wrote painted built founded weather convert currency "
    "translate reminder timer calculator calendar minutes meeting tomorrow amount length total final"
).split()
LABEL_WORDS = (
    "fox owl bear wolf otter lynx eagle heron raven swan tiger zebra camel badger beaver falcon gecko ibex koala lemur mole "
    "newt panda quail seal toad viper walrus yak crane amber azure crimson emerald indigo ivory jade lime maroon navy olive "
    "pearl ruby scarlet teal bronze copper cobalt alpha beta gamma delta epsilon zeta theta kappa lambda sigma omega north "
    "south east west mars venus saturn jupiter mercury neptune pluto oak pine maple birch cedar elm willow ash spruce hazel "
    "hawk robin finch stork pelican bison moose jaguar panther leopard cobra python salmon trout shark squid lobster crab "
    "ant bee wasp beetle cricket moth spider granite marble quartz basalt slate opal topaz garnet onyx zircon iron nickel "
    "zinc tin lead helium neon argon carbon oxygen thunderbolt tornado glacier volcano canyon desert meadow prairie lagoon "
    "delta river summit ridge harbor castle tower temple bridge anchor arrow lance saddle trumpet cymbal mango papaya guava "
    "fig date plum cherry apricot almond walnut pepper ginger saffron basil thyme mint sage clover daisy lily orchid violet "
    "iris lotus poppy fern moss ivy cactus comet nova nebula quasar pulsar eclipse zenith nadir equinox prism vertex vector "
    "matrix axis cipher enigma riddle paradox mirage phantom shadow ember flame spark torch beacon lantern compass voyage "
    "monday tuesday friday sunday april june august october winter summer spring autumn red blue green black white violet "
    "square circle triangle oval cube sphere cone pyramid alto tenor bass treble rook bishop knight queen king joker ace"
).split()
SYLLABLES = (
    "ba be bo da de do fa fi ga go ka ke ki ko la le lo ma mi mo na ne no pa pi po ra re ri ro sa se so ta te to va vi vo za "
    "zo zu lu mu nu ru su tu bu du fu gu ku pu ju jo ja wa wo we xi xo ya yo bri cra dre fla glo kri plo sta tra vre"
).split()
LABEL_PREFIXES = "team group unit type class box line desk room zone code queue".split()

HELD_SHARE = 6  # one word in so many is kept for evaluation


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun with its plural, empty where it has none."""

    singular: str
    plural: str

    @property
    def countable(self) -> bool:
        return bool(self.plural)


def article(word: str) -> str:
    """`an invoice`, `a fee`, `a uniform`.

    >>> [article(word) for word in ("invoice", "fee", "uniform", "hour", "x-ray")]
    ['an invoice', 'a fee', 'a uniform', 'an hour', 'an x-ray']
    """
    low = word.lower()
    vowel = low[0] in "aeiou" and not low.startswith(("uni", "use", "usu", "eu", "one", "ute"))
    return f"{'an' if vowel or low.startswith(('hour', 'honest', 'x-')) else 'a'} {word}"


def plural(word: str) -> str:
    """The regular plural: `boxes`, `parties`, `days`.

    >>> [plural(word) for word in ("box", "party", "day", "match")]
    ['boxes', 'parties', 'days', 'matches']
    """
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def noun(text: str) -> Noun:
    """The noun that a lexicon entry means."""
    if text.endswith("*"):
        return Noun(text[:-1], "")
    singular, _, irregular = text.partition("/")
    return Noun(singular, irregular or plural(singular))


TAUGHT = {"otter", "falcon", "maple"}  # the labels of the first notebook, whose sentences are unseen


def held(word: str) -> bool:
    """Whether a word is kept for evaluation.

    >>> sum(held(name) for name in NAMES) in range(10, 40)
    True
    """
    return word not in TAUGHT and sha256(f"held {word}".encode()).digest()[0] % HELD_SHARE == 0


@dataclass(frozen=True, slots=True)
class Split:
    """One side of the divided lists: what training draws from, or what evaluation draws from."""

    names: list[str]
    cities: list[str]
    jobs: list[str]
    labels: list[str]
    things: list[Noun]
    items: list[Noun]
    words: list[str]


TOPICS = {topic: [noun(text) for text in words.split()] for topic, words in _TOPICS.items()}
ALL_NOUNS = sorted(
    {each.singular: each for words in TOPICS.values() for each in words}.values(), key=lambda n: n.singular
)
VERB_FORMS = [tuple(verb.split("/")) for verb in VERBS.split()]
_COMMON = {  # what sentences are made of, on both sides
    *(form for each in ALL_NOUNS for form in (each.singular, each.plural)),
    *(form for verb in VERB_FORMS for form in verb),
    *(
        POSITIVE
        + NEGATIVE
        + NEUTRAL
        + COLORS
        + PETS
        + FOODS
        + ADVERBS
        + ADJECTIVES
        + OTHERS
        + PLACES
        + INSTRUMENTS
        + SPORTS
        + DRINKS
        + LANGUAGES
        + LABEL_PREFIXES
    ),
}
_TEXT_WORDS = {*_COMMON, *(noun(text).singular for text in f"{ITEMS} {THINGS}".split())}  # not unseen as labels
_LABELS = list(dict.fromkeys(LABEL_WORDS))


def _side(of_eval: bool) -> Split:
    def take(words: Sequence[str]) -> list[str]:
        return [word for word in words if held(word) == of_eval]

    def nouns(text: str) -> list[Noun]:
        return [each for each in map(noun, text.split()) if held(each.singular) == of_eval]

    labels = [word for word in _LABELS if (held(word) and word not in _TEXT_WORDS) == of_eval]
    words = [each.singular for each in ALL_NOUNS if held(each.singular) == of_eval]
    return Split(take(NAMES), take(CITIES), take(JOBS), labels, nouns(THINGS), nouns(ITEMS), words)


TRAIN, HELD = _side(False), _side(True)


def taught() -> list[str]:
    """The word forms of training texts, sorted: the tokenizer is to know each as one token, and a held one by its pieces."""

    def forms(side: Split) -> set[str]:
        nouns = {form for each in [*side.things, *side.items] for form in (each.singular, each.plural)}
        return {*side.names, *side.cities, *side.jobs, *side.labels, *nouns}

    return sorted(set(vocabulary()) - (forms(HELD) - forms(TRAIN) - _COMMON))


def vocabulary() -> list[str]:
    """Every word form that the generator can write, sorted."""
    words = (
        set(_TEXT_WORDS)
        | set(_LABELS)
        | set(NAMES + CITIES + JOBS + DRINKS + LANGUAGES + LABEL_PREFIXES + list(TOPICS))
    )
    words |= {form for text in f"{ITEMS} {THINGS}".split() for form in (noun(text).singular, noun(text).plural)}
    words |= {word for texts in DESCRIPTIONS.values() for text in texts for word in text.split()}
    return sorted(words - {""})
