"""Hold the Lua scripts of the ledger: each is one atomic step in the life of a run.

Times are the server's own (`TIME`), in epoch seconds, so that no two machines' clocks are ever compared. A run is one
hash; `attempt` is its fence: whoever finishes a run must name the attempt that it claimed.
"""

_NOW = """
local t = redis.call('TIME')
local now = string.format('%d.%06d', t[1], t[2])
"""

RECORD = (
    _NOW
    + """
-- KEYS: run, alive set of the queue. ARGV: ttl_s, pool must be alive ('1'), field, value, ...
if ARGV[2] == '1' and redis.call('ZCOUNT', KEYS[2], now, '+inf') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'status', 'pending', 'attempt', 0, 'created_at', now, unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""
)
"""Write a new run. Returns 0, and writes nothing, when its pool must be alive and is not."""

CLAIM = (
    _NOW
    + """
-- KEYS: run. ARGV: worker, max_attempts.
local run = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'request', 'trace')
if not run[1] then return {'unknown'} end
if run[1] ~= 'pending' and run[1] ~= 'running' then return {'ended'} end
local attempt = tonumber(run[2]) + 1
redis.call('HSET', KEYS[1], 'status', 'running', 'attempt', attempt, 'started_at', now, 'worker', ARGV[1])
return {attempt > tonumber(ARGV[2]) and 'exhausted' or 'claimed', tostring(attempt), run[3], run[4]}
"""
)
"""Take a run for one attempt. Returns {'unknown'}, {'ended'}, or {'claimed'|'exhausted', attempt, request, trace}."""

FINISH = (
    _NOW
    + """
-- KEYS: run. ARGV: ttl_s, attempt, status, field of the body ('output' or 'failure'), body.
local run = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'reply_to', 'run_id')
if run[1] ~= 'running' or run[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'ended_at', now, ARGV[4], ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[1])
if run[3] ~= '' then redis.call('PUBLISH', run[3], run[4] .. '\\n' .. ARGV[3] .. '\\n' .. ARGV[5]) end
return 1
"""
)
"""End a run and tell its waiter. Returns 0, and changes nothing, when the attempt is not the one that holds the run."""
