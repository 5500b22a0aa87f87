-- Take the admissible runs out of the lanes of a queue. Returns {run id, assistant id, lane} of each. A run counts as
-- waiting for a child when it waits longer than a message takes. The set of the batch runs that are out mends itself.
-- The next look drops ended and expired runs.
-- parts: turns
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
