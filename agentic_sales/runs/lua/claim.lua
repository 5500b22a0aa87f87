-- Take a run for one attempt under a lease. Returns {'unknown'} or {'ended'} or {'held'} or {'claimed'|'exhausted',
-- attempt, request, trace, stream modes, thread id}. 'held' means that a live worker works on the run or another run
-- has its thread.
-- parts: now count
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
