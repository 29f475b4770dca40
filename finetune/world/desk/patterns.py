"""How people ask for what happens in a room, as data: frames ("Tell me when {v}."), clauses ("the lights go off") for
each task and argument, and whole patterns. `wordings.py` makes sentences of them.

Training data: a changed string changes what the model learns and which sentences are held out.
"""

from finetune.world.grammar import TELL, UNSERVABLE, UPDATE, WHEN

_NOW = "(| now| right now)"
_TELL_FRAMES = (
    f"{TELL} {WHEN} {{v}}.",
    f"{WHEN} {{v}}, (tell me|alert me|let me know).",
    "(Watch the room|Watch the camera|Keep watching) and (tell me|alert me|let me know) when {v}.",
    "(I want to know|I would like to know|I need to know) when {v}.",
)
_TIME_FRAMES = (
    "(When|At what time|From when to when|Between which seconds|During which seconds|In which seconds) {q}?",
    "(Find|Give me|State|Name|Give) the (time when|time at which|seconds in which|time span in which) {v}.",
)
FRAMES = {
    "desk_alert_lights": _TELL_FRAMES,
    "desk_alert_cover": _TELL_FRAMES,
    "desk_alert_person": _TELL_FRAMES,
    "desk_alert_colour": _TELL_FRAMES,
    "desk_alert_view": _TELL_FRAMES,
    "desk_alert_motion": _TELL_FRAMES,
    "desk_grounding_forward": _TIME_FRAMES,
    "desk_grounding_backward": _TIME_FRAMES,
    "desk_tsqa": (f"{{v}}{UPDATE}",),
    "desk_counting": (
        "Count (how often|how many times|every time|each time) {v}.",
        "(Keep count of|Keep counting) how often {v}(| for me).",
        "(Tell me|Say|Give me the count of) how often {v}(| each time it happens| whenever it changes).",
        "(Count out loud|Count aloud|Count for me) how often {v}.",
    ),
}

CLAUSES = {
    ("desk_alert_lights", "lights off"): (
        "the lights go off",
        "the light goes off",
        "the lights are switched off",
        "the lights go out",
        "it gets dark",
        "the room gets dark",
        "somebody turns off the lights",
    ),
    ("desk_alert_lights", "lights on"): (
        "the lights come back on",
        "the light comes back on",
        "the lights are switched back on",
        "the lights go on again",
        "it gets light again",
        "the room gets light again",
        "somebody turns the lights back on",
    ),
    ("desk_alert_cover", "covered"): (
        "the camera is covered",
        "the lens is covered",
        "the webcam is covered",
        "something covers the camera",
        "somebody covers the lens",
        "the camera gets blocked",
    ),
    ("desk_alert_cover", "uncovered"): (
        "the camera is uncovered",
        "the lens is uncovered",
        "the webcam is uncovered",
        "nothing covers the camera any more",
        "somebody uncovers the lens",
        "the camera is free again",
    ),
    ("desk_alert_person", "person comes"): (
        "somebody comes in",
        "someone comes in",
        "a person comes in",
        "anyone comes in",
        "somebody enters the room",
        "people come in",
        "someone walks in",
    ),
    ("desk_alert_person", "person leaves"): (
        "somebody leaves",
        "someone leaves",
        "a person leaves",
        "anyone leaves",
        "somebody leaves the room",
        "people leave",
        "someone walks out",
    ),
    ("desk_alert_colour", "object"): (
        "{o} appears",
        "{o} shows up",
        "{o} comes in",
        "{o} comes into view",
        "{o} is shown",
        "you see {o}",
        "there is {o}",
    ),
    ("desk_alert_colour", "object gone"): (
        "{d} is gone",
        "{d} disappears",
        "{d} leaves",
        "{d} goes out of view",
        "{d} is taken away",
        "you no longer see {d}",
        "{d} goes away",
    ),
    ("desk_alert_view", "view"): (
        "the view changes",
        "the scene changes",
        "the picture changes",
        "the camera view changes",
        "the picture jumps",
        "there is a cut",
        "you see another place",
        "the camera shows another room",
    ),
    ("desk_alert_motion", "motion"): (
        "something moves",
        "anything moves",
        "there is motion",
        "there is movement",
        "you see motion",
        "you see something move",
        "something starts to move",
        "you notice movement",
    ),
    ("desk_grounding_forward", "object"): (
        "is {d} in view|{d} is in view",
        "is {d} there|{d} is there",
        "is {d} in the picture|{d} is in the picture",
        "is {d} shown|{d} is shown",
        "is {d} visible|{d} is visible",
        "do you see {d}|you see {d}",
    ),
    ("desk_grounding_forward", "person"): (
        "is somebody there|somebody is there",
        "is someone in the room|someone is in the room",
        "is a person in view|a person is in view",
        "is anybody in the picture|anybody is in the picture",
        "are people there|people are there",
        "do you see somebody|you see somebody",
    ),
    ("desk_grounding_forward", "dark"): (
        "are the lights off|the lights are off",
        "is the light off|the light is off",
        "is it dark|it is dark",
        "is the room dark|the room is dark",
        "are the lights out|the lights are out",
        "are the lights switched off|the lights are switched off",
    ),
    ("desk_grounding_forward", "covered"): (
        "is the camera covered|the camera is covered",
        "is the lens covered|the lens is covered",
        "is the webcam covered|the webcam is covered",
        "is something over the lens|something is over the lens",
        "is the camera blocked|the camera is blocked",
        "is something over the camera|something is over the camera",
    ),
    ("desk_tsqa", "dark"): (
        f"Are the lights (on|switched on|turned on){_NOW}?",
        f"Is the light (on|switched on|turned on){_NOW}?",
        f"Is (it|the room) (light|lit|bright){_NOW}?",
    ),
    ("desk_tsqa", "person"): (
        f"Is (anybody|anyone|somebody|someone|a person) (there|in the room|in view){_NOW}?",
        "(Do you|Can you) see (anybody|anyone|somebody|someone|a person)(| now)?",
    ),
    ("desk_tsqa", "covered"): (
        f"Is the (camera|lens|webcam) (covered|blocked){_NOW}?",
        f"Is (something|anything) over the (camera|lens|webcam){_NOW}?",
    ),
    ("desk_tsqa", "colour"): (
        f"(What|Which) (colour|color) is the (object|thing|coloured object){_NOW}?",
        "(What|Which) (colour|color) does the (object|thing) have(| now)?",
        "(Tell me|Say|Give me) the (colour|color) of the (object|thing)(| now).",
    ),
    ("desk_counting", "lights off"): ("the lights go off", "the light goes off", "it gets dark", "the lights go out"),
    ("desk_counting", "person"): (
        "somebody comes in",
        "someone comes in",
        "a person comes in",
        "people come in",
        "somebody enters the room",
    ),
    ("desk_counting", "object"): (
        "an object appears",
        "an object is shown",
        "an object comes into view",
        "a coloured object appears",
    ),
    ("desk_counting", "view"): (
        "the view changes",
        "the scene changes",
        "the camera view changes",
        "the picture jumps",
        "there is a cut",
    ),
}
"""(task, group of arguments) -> clauses, the usual one first. In grounding "is it dark|it is dark" gives the question
and the statement; those of desk_grounding_backward are the same in the past tense."""
PAST_TENSE = (("are ", "were "), ("is ", "was "), ("do ", "did "), (" are ", " were "), (" is ", " was "))
"""Present -> past, at the start of a clause or (with a leading space) anywhere in it."""

PATTERNS = {
    "desk_narration": (
        (
            "(Narrate|Comment on|Describe) (what you see|the video|the room|the scene|what happens"
            "|everything)(| live| as it happens| in real time| for me| all the time)."
        ),
        (
            "(Give|Give me) (a live|a running|a real time) (commentary|narration|description)"
            "(| of the room| of the scene| of the video| of what you see)."
        ),
        (
            "(Tell me|Say|Report) (everything that happens|everything you see|all that happens|every change) "
            "(as it happens|live|in real time|right away)."
        ),
        "(Keep talking|Keep telling me|Go on telling me) about (what you see|what happens|the room|the scene).",
        (
            "(Be|Act as|Play) (my eyes|the commentator|a commentator|a live reporter)"
            "(| for this room| for this scene| in this room)."
        ),
    ),
    "desk_event_caption": (
        (
            "(Describe|Report|Caption|Summarise|Summarize|Write down) (each|every) event "
            "(when it ends|when it is over|once it is over|as soon as it ends|after it ends"
            "|when it has ended)."
        ),
        (
            "(Tell me|Say) what happened (when|once|after|each time) (an event|each event|something) "
            "(ends|is over|has ended)."
        ),
        (
            "(After|Once|When) (each event|every event|an event) (ends|is over|has ended), "
            "(describe it|tell me what happened|report it|write it down)."
        ),
        (
            "(Describe|Report|List) (all events|all the events|each event) (in the video|in the room|you see)"
            "(| when they end| one by one| once they are over)."
        ),
        (
            "(Wait until|Wait till) (an event|each event|something) (ends|is over), then "
            "(describe it|report it|tell me what happened)."
        ),
    ),
    "desk_action_caption": (
        (
            "(Describe|Report|Tell me|Say) what (people|persons|the people|visitors|everybody) "
            "(do|are doing|did)(| in the room)."
        ),
        (
            "(Describe|Report|Caption) (each|every) (action of people|action of a person|visit|visitor)"
            "(| when it ends| once it is over| as soon as it ends)."
        ),
        (
            "(Describe|Report|Caption|List) the (actions|movements) of (people|the people|visitors|persons)"
            "(| one by one| as they end)."
        ),
        (
            "What (do|did) (people|the people|the visitors) "
            "do?(| Describe each action.| Report each action.| Tell me after each action.)"
        ),
        (
            "(Watch|Follow) (the people|people|the visitors) and (describe|report) "
            "(what they do|each action|every action)."
        ),
    ),
    "desk_unservable": UNSERVABLE,
}
CANONICAL = (
    "Tell me when the lights go off.",
    "Let me know when the lights come back on.",
    "Tell me when the camera is covered.",
    "Tell me when the camera is uncovered.",
    "Tell me when the view changes.",
    "Notify me when {o} appears.",
    "Tell me when {d} is gone.",
    "When is {d} in view?",
    "When were the lights off?",
    "Tell me when somebody comes in.",
    "Tell me when somebody leaves.",
    "Tell me when something moves.",
    "Is anybody there?",
    "Are the lights on?",
    "Is the camera covered?",
    "What colour is the object?",
    "What color is the object?",
    "Narrate what you see.",
    "Count how often the lights go off.",
    "Describe each event when it ends.",
    "Describe what people do.",
)
"""Forms that training always contains: the ones that the page suggests."""
