-- Add an event to a run's stream. Returns 0 without adding when the attempt does not hold the run.
-- KEYS: run, events. ARGV: attempt, ttl_s, most events, event, data.
local run = redis.call('HMGET', KEYS[1], 'status', 'attempt')
if run[1] ~= 'running' or run[2] ~= ARGV[1] then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'event', ARGV[4], 'data', ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
