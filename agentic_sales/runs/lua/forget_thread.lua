-- Remove the data of a thread that no run holds. Returns 0 without removing when a run holds it.
-- parts: turns
-- ARGV: thread id.
if holder_of(ARGV[1]) then return 0 end
redis.call('DEL', thread_key(ARGV[1]), thread_key(ARGV[1]) .. ':runs')
redis.call('ZREM', 'agentic:threads:changed', ARGV[1])
redis.call('SREM', 'agentic:threads:busy', ARGV[1])
return 1
