"""Every duration and every number of tries. They depend on each other, and a test holds each coupling.

Durations are in seconds. The template has more of them (time-outs, retentions, `maxReceiveCount`, the parameters).
"""

DAY_SECONDS = 24 * 3600

# A claim, and a message being handled. A heartbeat renews both several times before either expires.
BEAT_SECONDS = 15
LEASE_SECONDS = 60
VISIBILITY_SECONDS = 60
MAX_VISIBILITY_SECONDS = 43_200  # the limit of SQS
DEFAULT_WAIT_SECONDS = 5.0
MAX_STRIKES = 5  # attempts that die or raise outside a call

# One call of the image API.
MAX_CALL_SECONDS = 780  # the function's time-out, less the time to save
SAVE_SECONDS = 60  # to spool an answer, publish it and commit it
CONNECT_SECONDS = 10
KEEPALIVE_IDLE_SECONDS = 60  # a NAT gateway drops a connection that is idle for 350 s; a call may take longer
KEEPALIVE_INTERVAL_SECONDS = 15
SPOOL_PAUSES = (0.5, 1, 2, 4, 8, 0)  # between tries to store an answer; if all fail, the call is paid again
KEY_SECONDS = 300  # how long the API's key is cached
DOWNLOAD_SECONDS = 60  # for a picture at an address
MAX_DOWNLOADS = 8  # tries for the pictures of the same answer
PICTURE_SECONDS = 130  # how long `on_request` waits for `on_picture`: longer than that function's time-out
MAX_CHECKS = 5  # pictures of one answer that `on_picture` checks: an invocation has time for so many

# Waiting for the provider: 2 s doubling to 5 min. Each wait ends in a delivery, and SQS counts deliveries.
FIRST_BACKOFF_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 300.0
HELD_BACK_WAIT_SHARE = 0.5  # of the time for which a request that never called has been held back
MIN_BACKOFF_SHARE, BACKOFF_JITTER_SHARE = 0.6, 0.3  # so that all are back within five minutes, their calls included
MAX_RETRY_AFTER_SECONDS = 270.0  # after this the breaker knows better than the provider's header
MAX_BUDGET_WAIT_SECONDS = 3600
BUDGET_SECONDS = 9 * DAY_SECONDS  # how long a request waits for the daily limit
MAX_AGE_SECONDS = 13 * DAY_SECONDS  # SQS deletes a message after fourteen days, and its request would have no outcome

WAKE_PAGE = 10  # waiting requests that an answered one wakes; each of them wakes as many

MAX_DOUBTFUL_CALLS = 8  # of one request, failing while others succeed: a relay may be losing answers that were paid

# The breaker, and the probe: the copy of a waiting request that tests the provider.
BREAKER_OPENS_AT = 3  # failures in a row; a single one may be the request's own
BREAKER_PAUSE_SECONDS = 15.0  # after a failure; longer if the provider asks for it
MAX_BREAKER_PAUSE_SECONDS = 300.0
NEW_CALL_PAUSE_SECONDS = 5.0  # between two first calls, while the failures may concern other requests only
PROBE_SECONDS = 30.0  # between two probes of a provider in trouble
PROBE_CALL_SECONDS = 60.0  # a probe without an answer by then no longer keeps other requests from trying
PROBE_LEASE_SECONDS = 150.0  # long enough for several deliveries of the copy
BREAKER_KEPT_SECONDS = 7 * DAY_SECONDS

# Uploads and their lanes.
MIN_LANE_WAIT_SECONDS, MAX_LANE_WAIT_SECONDS = 10.0, 1800.0
LANE_WAIT_SHARE = 0.1  # of its age that a held upload waits before it tries again; the tail may start that much late
LANE_HELD_SECONDS = 3600  # a place for a request that the ledger does not know: it was refused, or never sent
LANE_FULL_SECONDS = 1.0  # how long a lane that was full is not looked at again

UNHEARD_SECONDS = 900  # a text waits so long for its uploaded photo: as long as two deaths hold back an event
WORDLESS_SECONDS = DAY_SECONDS  # a photo without words waits so long for its folder's instruction

# Batches.
MIN_BATCH_WAIT_SECONDS, MAX_BATCH_WAIT_SECONDS = 1.0, 60.0
BATCH_WAIT_SHARE = 0.25  # of the time without progress
BATCH_ANSWER_SECONDS = 30  # to write the answers of a batch with the most lines
BATCH_SPARE_SECONDS = 15  # at the end of an invocation, in which it starts no new work
BATCH_RENEWED_AFTER_SECONDS = DAY_SECONDS  # SQS deletes a message after fourteen days, and a batch may take longer
BATCH_RENEWED_AFTER_RECEIVES = 800  # a message that was received a thousand times is a dead letter

# How long records are kept.
LEDGER_KEPT_SECONDS = 35 * DAY_SECONDS  # longer than any message can live, dead letters included
BATCH_KEPT_SECONDS = 400 * DAY_SECONDS  # a batch may wait for the daily limit for months
