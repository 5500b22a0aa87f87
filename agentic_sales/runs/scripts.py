"""Hold the Lua scripts of the ledger. Each is one atomic step in the life of a run.

Times are the server's own (`TIME`) in epoch seconds. So the clocks of two machines are never compared. A run is one
hash. `attempt` is its fence. A finish must name the attempt that claimed the run. A run that waits for a worker stands
in `agentic:pending:<queue>`. A run that a worker holds stands in `agentic:running`. Its score is the end of its lease.
A run whose workers died too often stands in `agentic:dead`. Each step counts its own effects (`observability.metrics`).
Runs of one thread take turns (`thread_scripts`) in the same steps.
"""

from agentic_sales.observability.metrics import (
    COUNT_LUA,
    COUNTS_KEY,
    DURATION,
    FAILURES,
    LLM_CALLS,
    LLM_COST,
    LLM_TOKENS,
    QUEUE_WAIT,
    RECOVERED,
    RUNS,
)
from agentic_sales.runs import thread_scripts

_COUNT = (
    COUNT_LUA
    + f"""
local function count_end(assistant_id, queue, outcome, code)
  count(1, '{RUNS.name}', assistant_id, queue, outcome)
  if code ~= '' then count(1, '{FAILURES.name}', code) end
end
local function count_recovered(outcome) count(1, '{RECOVERED.name}', outcome) end
local function observe_wait(assistant_id, queue, wait_s) observe(wait_s, '{QUEUE_WAIT.name}', assistant_id, queue) end
local function observe_duration(assistant_id, queue, run_s) observe(run_s, '{DURATION.name}', assistant_id, queue) end
"""
)

_NOW = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local stamp = string.format('%d.%06d', t[1], t[2])
local function pending(queue) return 'agentic:pending:' .. queue end
local function tell_end(run_id, reply_to, is_streamed, status, body)
  if reply_to ~= '' then redis.call('PUBLISH', reply_to, run_id .. '\\n' .. status .. '\\n' .. body) end
  if redis.call('HEXISTS', 'agentic:run:' .. run_id, 'webhook') == 1 then
    redis.call('ZADD', 'agentic:webhooks', now, run_id)
    redis.call('PERSIST', 'agentic:run:' .. run_id)
  end
  if is_streamed ~= '1' then return end
  local name = status == 'success' and 'end' or 'error'
  local events = 'agentic:events:' .. run_id
  redis.call('XADD', events, '*', 'event', name, 'data', name == 'end' and 'null' or body)
  redis.call('EXPIRE', events, 3600)
end
"""

_TURNS = _NOW + _COUNT + thread_scripts.THREADS

RECORD = (
    _TURNS
    + """
-- KEYS: run, alive set of the queue, idempotency key (or ''), sorted set in which the run waits,
--   sorted set in which it is listed (or ''), set of what its parent asked for (or '').
-- ARGV: run id, queue, ttl_s, seconds that it is held back at least ('': it waits for no worker), queue cap,
--   idempotency ttl_s, digest of the request, its turn on a thread as JSON (or ''), fields ...
local delay = tonumber(ARGV[4]) or 0
if KEYS[3] ~= '' then
  local first = redis.call('HMGET', KEYS[3], 'run_id', 'digest')
  -- A run that was forgotten, because its message could not be published, joins nobody.
  local is_known = first[1] and redis.call('EXISTS', 'agentic:run:' .. first[1]) == 1
  if is_known then return {first[2] == ARGV[7] and 'joined' or 'conflict', first[1]} end
end
if ARGV[4] ~= '' then
  if redis.call('ZCOUNT', KEYS[2], now, '+inf') == 0 then return {'pool_dead'} end
  -- What is not due has a share of its own, so that it keeps out no run that is.
  local from, to = delay > 0 and string.format('(%.6f', now) or '-inf', delay > 0 and '+inf' or now
  local depth = redis.call('ZCOUNT', KEYS[4], from, to)
  if depth >= tonumber(ARGV[5]) then return {'full', tostring(depth)} end
end
local turn = ARGV[8] ~= '' and cjson.decode(ARGV[8])
local refused = turn and refusal(turn)
if refused then return refused end
redis.call('HSET', KEYS[1], 'run_id', ARGV[1], 'queue', ARGV[2], 'status', 'pending', 'attempt', 0, 'losses', 0,
  'created_at', delay > 0 and string.format('%.6f', now + delay) or stamp, unpack(ARGV, 9))
redis.call('EXPIRE', KEYS[1], ARGV[3] + math.ceil(delay))
if KEYS[5] ~= '' then
  redis.call('ZADD', KEYS[5], now, ARGV[1])
  redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -20001)
end
if KEYS[6] ~= '' then
  redis.call('SADD', KEYS[6], ARGV[1])
  redis.call('EXPIRE', KEYS[6], 2 * ARGV[3]) -- Longer than it names runs, whose time begins anew when they end.
end
if KEYS[3] ~= '' then
  redis.call('HSET', KEYS[3], 'run_id', ARGV[1], 'digest', ARGV[7])
  redis.call('EXPIRE', KEYS[3], ARGV[6])
end
if turn then return {'in_line', take_turn(ARGV[1], turn, ARGV[3])} end
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[4], now + delay, ARGV[1]) end
return {'recorded'}
"""
)
"""Write a new run. A held-back run counts as created when it comes due, as callers of LangGraph know it.

Returns {'recorded'}. For a run on a thread it returns {'in_line', message data} of the run that has its turn now, or
''. The other answers write nothing. They are {'joined', run id} or {'conflict', run id} or {'pool_dead'} or {'full',
depth}. A refused turn on a thread returns its reason and a detail.
"""

CLAIM = (
    _NOW
    + _COUNT
    + """
-- KEYS: run, running. ARGV: run id, worker, max_attempts, lease_s (0: the run is part of its parent's).
local run = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'losses', 'lease_until', 'queue', 'request', 'trace',
  'stream_modes', 'assistant_id', 'created_at', 'thread_id', 'waits')
if not run[1] then return {'unknown'} end
if run[1] ~= 'pending' and run[1] ~= 'running' then return {'ended'} end
if run[12] then return {'held'} end
local losses = tonumber(run[3])
if run[1] == 'running' then
  if tonumber(run[4]) > now then return {'held'} end
  losses = losses + 1
end
local attempt, lease_until = tonumber(run[2]) + 1, now + tonumber(ARGV[4])
redis.call('HSET', KEYS[1], 'status', 'running', 'attempt', attempt, 'losses', losses, 'started_at', stamp,
  'worker', ARGV[2], 'lease_until', lease_until)
redis.call('ZREM', pending(run[5]), ARGV[1])
if ARGV[4] ~= '0' then redis.call('ZADD', KEYS[2], lease_until, ARGV[1]) end
local verdict = losses < tonumber(ARGV[3]) and 'claimed' or 'exhausted'
if run[1] == 'running' then count_recovered(verdict == 'claimed' and 'resumed' or 'dead') end
if attempt == 1 and ARGV[4] ~= '0' then observe_wait(run[9], run[5], now - tonumber(run[10])) end
return {verdict, tostring(attempt), run[6], run[7], run[8], run[11]}
"""
)
"""Take a run for one attempt under a lease.

Returns {'unknown'} or {'ended'} or {'held'} or {'claimed'|'exhausted', attempt, request, trace, stream modes, thread
id}. 'held' means that a live worker works on the run or another run has its thread.
"""

RENEW = (
    _NOW
    + """
-- KEYS: running. ARGV: lease_s, prefix of the run keys, run id, worker, run id, worker, ...
local lease_until, renewed = now + tonumber(ARGV[1]), 0
for i = 3, #ARGV, 2 do
  local key = ARGV[2] .. ARGV[i]
  local run = redis.call('HMGET', key, 'status', 'worker')
  if run[1] == 'running' and run[2] == ARGV[i + 1] then
    redis.call('HSET', key, 'lease_until', lease_until)
    redis.call('ZADD', KEYS[1], 'XX', lease_until, ARGV[i])
    renewed = renewed + 1
  end
end
return renewed
"""
)
"""Renew the leases of the runs that a worker's children hold. Returns the number of held runs."""

LOSE = """
-- KEYS: run, running. ARGV: run id, worker.
local run = redis.call('HMGET', KEYS[1], 'status', 'worker')
if run[1] ~= 'running' or run[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'lease_until', 0)
redis.call('ZADD', KEYS[2], 'XX', 0, ARGV[1])
return 1
"""
"""End the lease of a run whose process died. The redelivered message can then claim it at once."""

RELEASE = (
    _NOW
    + _COUNT
    + """
-- KEYS: run, running. ARGV: run id, worker.
local run = redis.call('HMGET', KEYS[1], 'status', 'worker', 'queue')
if run[1] ~= 'running' or run[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'status', 'pending', 'worker', '', 'lease_until', 0)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', pending(run[3]), now, ARGV[1])
count_recovered('released')
return 1
"""
)
"""Give a claimed run back unfinished without counting a loss. Its worker is being stopped."""

FINISH = (
    _TURNS
    + """
-- KEYS: run, running, dead. ARGV: run id, ttl_s, attempt, status, field of the body ('output' or 'failure'), body,
--   body of a cancelled run, goes to the dead list ('1'), code of the failure (or ''), where its
--   thread waits (or ''), was refused before anything ran ('1'), counter, by how much, ...
local run = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'reply_to', 'cancelled_at', 'is_streamed',
  'assistant_id', 'queue', 'started_at')
if run[1] ~= 'running' or run[2] ~= ARGV[3] then return 0 end
local status, field, body, outcome, code = ARGV[4], ARGV[5], ARGV[6], ARGV[8] == '1' and 'dead' or ARGV[4], ARGV[9]
if code == 'cancelled' then outcome = code end
if run[4] then status, field, body, outcome, code = 'interrupted', 'failure', ARGV[7], 'cancelled', 'cancelled' end
redis.call('HSET', KEYS[1], 'status', status, 'ended_at', stamp, field, body, 'pause', ARGV[10],
  'is_refused', ARGV[11])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[8] == '1' then redis.call('ZADD', KEYS[3], now, ARGV[1]) end
tell_end(ARGV[1], run[3], run[5], status, body)
count_end(run[6], run[7], outcome, code)
observe_duration(run[6], run[7], now - tonumber(run[8]))
for i = 12, #ARGV, 2 do count(ARGV[i + 1], ARGV[i]) end
local promoted = leave(ARGV[1]) or ''
return promoted ~= '' and promoted or 1
"""
)
"""End a run and tell its waiter. Returns 0 without a change when the attempt does not hold the run.

Otherwise it returns 1 or the message data of the run that has its turn on the thread now. A run whose cancellation was
asked for never writes its result.
"""

CANCEL = (
    _TURNS
    + """
-- KEYS: run. ARGV: run id, ttl_s, body of a cancelled run.
local run = redis.call('HMGET', KEYS[1], 'status')
if not run[1] then return {'unknown'} end
if run[1] == 'running' then
  redis.call('HSETNX', KEYS[1], 'cancelled_at', stamp)
  return {'asked'}
end
if run[1] ~= 'pending' then return {'ended'} end
end_pending(ARGV[1], ARGV[3], ARGV[2])
return {'cancelled', leave(ARGV[1])}
"""
)
"""Cancel a run. Returns {'cancelled'} for a waiting run that has ended now. Returns {'asked'} for a running one.

'cancelled' comes with the message data of the run that has its turn on the thread now. Other answers are {'ended'} and
{'unknown'}.
"""

ADMIT = (
    _TURNS
    + """
-- KEYS: held, batch, batch runs that are out, children of workers. ARGV: queue, most admitted of what has come due.
local function status_of(run_id) return redis.call('HGET', 'agentic:run:' .. run_id, 'status') end
local admitted = {}
local function admit_next(held, lane, most)
  for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', held, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', held, run_id)
    if status_of(run_id) == 'pending' and take_turn_when_due(run_id) then
      redis.call('ZADD', pending(ARGV[1]), now, run_id)
      if lane == 'batch' then redis.call('SADD', KEYS[3], run_id) end
      table.insert(admitted, {run_id, redis.call('HGET', 'agentic:run:' .. run_id, 'assistant_id'), lane})
    end
  end
end
admit_next(KEYS[1], 'interactive', ARGV[2])
if redis.call('ZCARD', KEYS[2]) == 0 then return admitted end
local out, waiting = 0, redis.call('ZCOUNT', pending(ARGV[1]), '-inf', now - 0.25)
for _, run_id in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  local status = status_of(run_id)
  if status == 'pending' then waiting = waiting - 1 end
  if status == 'pending' or status == 'running' then out = out + 1 else redis.call('SREM', KEYS[3], run_id) end
end
if waiting > 0 then return admitted end
local children = 0
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', 'agentic:alive:' .. ARGV[1], now, '+inf')) do
  children = children + (redis.call('HGET', KEYS[4], worker) or 0)
end
local most = math.max(1, children - math.max(1, math.floor(children / 4)))
if most > out then admit_next(KEYS[2], 'batch', most - out) end
return admitted
"""
)
"""Take the admissible runs out of the lanes of a queue. Returns {run id, assistant id, lane} of each.

A run counts as waiting for a child when it waits longer than a message takes. The set of the batch runs that are out
mends itself. The next look drops ended and expired runs.
"""

DEFER = (
    _NOW
    + _COUNT
    + """
-- KEYS: run, running. ARGV: run id, attempt, seconds, batch lane ('1'), how often at most.
local run = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'cancelled_at', 'queue', 'deferrals')
if run[1] ~= 'running' or run[2] ~= ARGV[2] or run[3] then return 0 end
if tonumber(run[5] or 0) >= tonumber(ARGV[5]) then return 0 end
local held_in = (ARGV[4] == '1' and 'agentic:batch:' or 'agentic:held:') .. run[4]
redis.call('HSET', KEYS[1], 'status', 'pending', 'worker', '', 'lease_until', 0, 'held_in', held_in)
redis.call('HINCRBY', KEYS[1], 'deferrals', 1)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SREM', 'agentic:batch_out:' .. run[4], ARGV[1])
redis.call('ZADD', held_in, now + ARGV[3], ARGV[1])
count_recovered('released')
return 1
"""
)
"""Put a claimed run back into its lane for a while without counting a loss. Returns 0 without a change on refusal.

It is refused in three cases. The attempt does not hold the run. The run is to be cancelled. The run was put back too
often.
"""

REVIVE = (
    _TURNS
    + """
-- KEYS: run, dead. ARGV: run id.
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
local queue = redis.call('HGET', KEYS[1], 'queue')
if not queue then return 0 end
redis.call('HSET', KEYS[1], 'status', 'pending', 'losses', 0, 'worker', '', 'lease_until', 0)
redis.call('HDEL', KEYS[1], 'failure', 'ended_at', 'cancelled_at')
redis.call('DEL', 'agentic:events:' .. ARGV[1])
local thread = redis.call('HGET', KEYS[1], 'lock')
if thread then line_up(ARGV[1], thread) else redis.call('ZADD', pending(queue), now, ARGV[1]) end
return 1
"""
)
"""Take a run off the dead list for a new publish and forgive its losses. Returns 0 when it is not on it."""

APPEND = """
-- KEYS: run, events. ARGV: attempt, ttl_s, most events, event, data.
local run = redis.call('HMGET', KEYS[1], 'status', 'attempt')
if run[1] ~= 'running' or run[2] ~= ARGV[1] then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'event', ARGV[4], 'data', ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
"""
"""Add an event to a run's stream. Returns 0 without adding when the attempt does not hold the run."""

_CHAIN = """
local today = 'agentic:spent:' .. math.floor(now / 86400)
local deepest = 16
local function up_from(run_id)
  -- Yields a run, the run that asked for it, and so on: its key and its assistant.
  local depth = 0
  return function()
    if not run_id or run_id == '' or depth == deepest then return nil end
    depth = depth + 1
    local key = 'agentic:run:' .. run_id
    local run = redis.call('HMGET', key, 'assistant_id', 'parent_run_id')
    run_id = run[2]
    if run[1] then return key, run[1] end
  end
end
"""

SPEND = (
    _NOW
    + _COUNT
    + _CHAIN
    + f"""
-- ARGV: run id, model, input tokens, output tokens, USD.
local counted, assistant_id = {{}}, redis.call('HGET', 'agentic:run:' .. ARGV[1], 'assistant_id')
if not assistant_id then return 0 end
count(1, '{LLM_CALLS.name}', assistant_id, ARGV[2])
count(ARGV[3], '{LLM_TOKENS.name}', assistant_id, ARGV[2], 'input')
count(ARGV[4], '{LLM_TOKENS.name}', assistant_id, ARGV[2], 'output')
redis.call('HINCRBYFLOAT', '{COUNTS_KEY}', table.concat({{'{LLM_COST.name}', assistant_id, ARGV[2]}}, '\\t'), ARGV[5])
redis.call('HINCRBYFLOAT', today, '*', ARGV[5])
for key, name in up_from(ARGV[1]) do
  redis.call('HINCRBYFLOAT', key, 'spent_usd', ARGV[5])
  if not counted[name] then redis.call('HINCRBYFLOAT', today, name, ARGV[5]) end
  counted[name] = true
end
redis.call('EXPIRE', today, 3 * 86400)
return 1
"""
)
"""Count the usage of an answered call for its run and every run above it and the day. Returns 0 for an unknown run."""

STANDING = (
    _NOW
    + _CHAIN
    + """
-- ARGV: run id.
local standing = {redis.call('HGET', today, '*') or '0'}
for key, name in up_from(ARGV[1]) do
  local by_run, by_day = redis.call('HGET', key, 'spent_usd'), redis.call('HGET', today, name)
  table.insert(standing, {name, by_run or '0', by_day or '0'})
end
return standing
"""
)
"""Return the spending {of the day, {assistant, of this run, of its day}, the same of the run above it, ...}."""

HEAL = _TURNS + thread_scripts.HEAL
FORGET = _TURNS + thread_scripts.FORGET
DISCARD_RUN = _TURNS + thread_scripts.DISCARD_RUN
FORGET_THREAD = _TURNS + thread_scripts.FORGET_THREAD
SETTLED = thread_scripts.SETTLED
