-- End a run and tell its waiter. Returns 0 without a change when the attempt does not hold the run. Otherwise it
-- returns 1 or the message data of the run that has its turn on the thread now. A run whose cancellation was asked for
-- never writes its result.
-- parts: turns
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
