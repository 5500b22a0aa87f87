-- Return the spending {of the day, {assistant, of this run, of its day}, the same of the run above it, ...}.
-- parts: spending
-- ARGV: run id.
local standing = {redis.call('HGET', today, '*') or '0'}
for key, name in up_from(ARGV[1]) do
  local by_run, by_day = redis.call('HGET', key, 'spent_usd'), redis.call('HGET', today, name)
  table.insert(standing, {name, by_run or '0', by_day or '0'})
end
return standing
