"""Every duration and every number of tries. They depend on each other: a test holds each coupling.

Durations are in seconds. The template has its own share (time-outs, retentions, `maxReceiveCount`, the parameters).
"""

DAY_SECONDS = 24 * 3600

# A claim, and a message in hand. A heartbeat renews both several times before either ends.
BEAT_SECONDS = 15
LEASE_SECONDS = 60
VISIBILITY_SECONDS = 60
MAX_VISIBILITY_SECONDS = 43_200  # SQS's own bound
DEFAULT_WAIT_SECONDS = 5.0
MAX_STRIKES = 5  # attempts that die or raise outside a call

# One call of the image API.
MAX_CALL_SECONDS = 780  # what the function's time-out leaves, less the time to save
SAVE_SECONDS = 60  # to spool an answer, publish and commit it
CONNECT_SECONDS = 10
KEEPALIVE_IDLE_SECONDS = 60  # a NAT gateway drops a connection that is idle for 350 s; a call may take longer
KEEPALIVE_INTERVAL_SECONDS = 15
SPOOL_PAUSES = (0.5, 1, 2, 4, 8, 0)  # between tries: an answer that cannot be kept is paid again
KEY_SECONDS = 300  # how long the API's key is believed
DOWNLOAD_SECONDS = 60  # for a picture at an address
MAX_DOWNLOADS = 8  # tries at the same answer's pictures
PICTURE_SECONDS = 130  # how long `on_request` waits for `on_picture`: more than that function has
MAX_CHECKS = 5  # of one answer's pictures by `on_picture`: an invocation has the time for them

# Waiting for the provider: 2 s doubling to 5 min. Each wait ends in a delivery, and SQS counts deliveries.
FIRST_BACKOFF_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 300.0
HELD_BACK_WAIT_SHARE = 0.5  # of the time that it has been held back, for a request that never called
MIN_BACKOFF_SHARE, BACKOFF_JITTER_SHARE = 0.6, 0.3  # so that all are back within five minutes, their call's seconds too
MAX_RETRY_AFTER_SECONDS = 270.0  # the breaker knows sooner than the provider said when it is well again
MAX_BUDGET_WAIT_SECONDS = 3600
BUDGET_SECONDS = 9 * DAY_SECONDS  # a request waits so long for the daily limit
MAX_AGE_SECONDS = 13 * DAY_SECONDS  # SQS deletes a message after fourteen days, and its request would have no outcome

WAKE_PAGE = 10  # requests that one which has waited wakes, once it is answered: each of them wakes as many

MAX_DOUBTFUL_CALLS = 8  # of a request that fail while others do not: then they may be paid, and lost by a relay

# The breaker, and the copy of a waiting request that looks after the provider.
BREAKER_OPENS_AT = 3  # failures on end; one alone may be the request's own
BREAKER_PAUSE_SECONDS = 15.0  # after a failure; longer where the provider says so
MAX_BREAKER_PAUSE_SECONDS = 300.0
NEW_CALL_PAUSE_SECONDS = 5.0  # between two requests that never called, where the failures may be those of others alone
PROBE_SECONDS = 30.0  # between two looks at a provider that is in trouble
PROBE_CALL_SECONDS = 60.0  # a probe that has no answer by then keeps no other request from trying
PROBE_LEASE_SECONDS = 150.0  # the copy comes several times in it
BREAKER_KEPT_SECONDS = 7 * DAY_SECONDS

# Uploads and their lanes.
MIN_LANE_WAIT_SECONDS, MAX_LANE_WAIT_SECONDS = 10.0, 1800.0
LANE_WAIT_SHARE = 0.1  # of its age that a held upload waits before it tries again; the tail may start that much late
LANE_HELD_SECONDS = 3600  # a place, for a request that the ledger does not know: it was refused, or never sent
LANE_FULL_SECONDS = 1.0  # how long a lane that was found full is not looked at again

UNHEARD_SECONDS = 900  # that a text waits for its photo, which lies there: as long as two deaths hold back an event
WORDLESS_SECONDS = DAY_SECONDS  # that a photo without words waits for those of its folder

# Batches.
MIN_BATCH_WAIT_SECONDS, MAX_BATCH_WAIT_SECONDS = 1.0, 60.0
BATCH_WAIT_SHARE = 0.25  # of the time in which nothing has moved
BATCH_ANSWER_SECONDS = 30  # to write the answers to a batch of the most lines
BATCH_SPARE_SECONDS = 15  # of an invocation, in which no new work is begun
BATCH_RENEWED_AFTER_SECONDS = DAY_SECONDS  # SQS deletes a message after fourteen days, and a batch may take longer
BATCH_RENEWED_AFTER_RECEIVES = 800  # a message that was received a thousand times is a dead letter

# What is remembered, and how long.
LEDGER_KEPT_SECONDS = 35 * DAY_SECONDS  # longer than any message can live, dead letters included
BATCH_KEPT_SECONDS = 400 * DAY_SECONDS  # a batch may wait for the daily limit for months
