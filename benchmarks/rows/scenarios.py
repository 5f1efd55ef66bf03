"""Turns that several rows measure."""

from benchmarks.photographs import (
    ANSWER_10,
    ANSWER_20,
    ATTACHED,
    FIRST_SOURCE,
    NEWEST_RESULT,
    SMALL,
    SMALL_ANSWER,
    SMALL_RESULT,
    TEN_IN,
    TEN_OUT,
)
from benchmarks.scenario import Scenario

CONVERSATION_SECONDS = 0.8  # longer than the servers keep an idle connection
API_SECONDS = 2.0

CONVERSATION_10 = Scenario("conversation-10", (ATTACHED,), (ANSWER_10,), CONVERSATION_SECONDS, turns=1)
CONVERSATION_20 = Scenario("conversation-20", (ATTACHED,), (ANSWER_20,), CONVERSATION_SECONDS, turns=1)
GEMINI_10 = Scenario("gemini-10", (ATTACHED,), (ANSWER_10,), CONVERSATION_SECONDS, turns=1, dialect="gemini")
GEMINI_20 = Scenario("gemini-20", (ATTACHED,), (ANSWER_20,), CONVERSATION_SECONDS, turns=1, dialect="gemini")
# `openai` has no conversations, so all three pictures are attached.
THREE = (FIRST_SOURCE, NEWEST_RESULT, ATTACHED)
OPENAI_10 = Scenario("openai-10", THREE, (ANSWER_10,), CONVERSATION_SECONDS, dialect="openai")
OPENAI_20 = Scenario("openai-20", THREE, (ANSWER_20,), CONVERSATION_SECONDS, dialect="openai")
TEN_CONVERSATIONS = Scenario("ten-conversations", (ATTACHED,) * 10, (ANSWER_20,) * 10, CONVERSATION_SECONDS, turns=1)
ONE = Scenario("one", TEN_IN[:1], TEN_OUT[:1], API_SECONDS)
TEN = Scenario("ten", TEN_IN, TEN_OUT, API_SECONDS)
WORDS_ALONE = Scenario("words-alone", (), (SMALL_ANSWER,), 0.0)
PICTURE = Scenario("picture", (SMALL,), (SMALL_ANSWER,), 0.0)
SHORT_THREAD = Scenario("thread-3", (), (SMALL_ANSWER,), 0.2, 3, SMALL, SMALL_RESULT)
MIDDLE_THREAD = Scenario("thread-50", (), (SMALL_ANSWER,), 0.2, 50, SMALL, SMALL_RESULT)
LONG_THREAD = Scenario("thread-150", (), (SMALL_ANSWER,), 0.2, 150, SMALL, SMALL_RESULT)
