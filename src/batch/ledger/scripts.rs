//! Owns what is done in Redis in one step, so that nothing is half done whenever a worker dies. All keys have one hash tag: a cluster keeps
//! them on one node, which scripts need.
//!
//! A batch is a stream of its waiting items with one consumer group, a hash of its counts and a hash of its outcomes; beside all batches
//! stand three sorted sets: those with waiting items, those whose time will be over, those whose end is to be told.

/// Adds items to the stream, which is gone by itself if the batch is never opened.
/// KEYS: stream. ARGV: seconds, number of the first item, items...
pub const ADD: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'workers', '0', 'MKSTREAM')
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
for i = 3, #ARGV do
  redis.call('XADD', KEYS[1], '*', 'n', ARGV[2] + i - 3, 'item', ARGV[i])
end
return #ARGV - 2";

/// Opens the batch for workers, unless there is one by its name or there are too many that go on.
/// KEYS: counts, stream, active, expiring, owner's, name. ARGV: id, description, time, end, seconds to keep, whether its end is told, the most that
/// may go on, digest of what is submitted by the name or nothing. Returns what the name stands for, or nothing: the batch is open; or `full`.
pub const OPEN: &str = "
local named = ARGV[8] ~= ''
local known = named and redis.call('GET', KEYS[6])
if known or redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[7]) then
  redis.call('DEL', KEYS[2])
  return known or 'full'
end
if named then
  redis.call('SET', KEYS[6], ARGV[1] .. ' ' .. ARGV[8], 'EX', ARGV[5])
  redis.call('HSET', KEYS[1], 'name', KEYS[6])
end
redis.call('HSET', KEYS[1], 'about', ARGV[2], 'told', ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[1])
redis.call('ZADD', KEYS[5], ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[5], ARGV[5])
return false";

/// Gives an item to a worker: one that nobody has had, or one that its worker has not renewed.
/// KEYS: counts, stream. ARGV: worker, milliseconds without renewal. Returns entry, number, item, attempt, description.
pub const TAKE: &str = "
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then return false end
local entry
local new = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[1], 'COUNT', 1, 'STREAMS', KEYS[2], '>')
if new and new[1] then
  entry = new[1][2][1]
else
  local left = redis.call('XAUTOCLAIM', KEYS[2], 'workers', ARGV[1], ARGV[2], '0-0', 'COUNT', 1)
  entry = left[2][1]
end
if not entry then return false end
redis.call('HINCRBY', KEYS[1], 'begun', 1)
local pending = redis.call('XPENDING', KEYS[2], 'workers', entry[1], entry[1], 1)
return {entry[1], entry[2][2], entry[2][4], pending[1][4], redis.call('HGET', KEYS[1], 'about')}";

/// Renews an item, if it is still this worker's.
/// KEYS: stream. ARGV: worker, entry.
pub const RENEW: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local pending = redis.call('XPENDING', KEYS[1], 'workers', ARGV[2], ARGV[2], 1)
if not pending[1] or pending[1][2] ~= ARGV[1] then return 0 end
redis.call('XCLAIM', KEYS[1], 'workers', ARGV[1], 0, ARGV[2], 'JUSTID')
return 1";

/// Records what became of an item, once, and removes its text.
/// KEYS: counts, stream, outcomes, active, to tell. ARGV: entry, number, outcome, count, seconds, id, items, seconds to keep, time.
/// Returns 0: it was recorded before; 1: the batch goes on; 2: it has ended.
pub const RECORD: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('EXISTS', KEYS[2]) == 0 or redis.call('XACK', KEYS[2], 'workers', ARGV[1]) == 0 then
  redis.call('HINCRBY', KEYS[1], 'repeated', 1)
  return 0
end
redis.call('XDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[8])
redis.call('HINCRBY', KEYS[1], ARGV[4], 1)
redis.call('HINCRBYFLOAT', KEYS[1], 'seconds', ARGV[5])
local counts = redis.call('HMGET', KEYS[1], 'done', 'failed', 'told')
if (counts[1] or 0) + (counts[2] or 0) < tonumber(ARGV[7]) then return 1 end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[4], ARGV[6])
if counts[3] == '1' then redis.call('ZADD', KEYS[5], ARGV[9], ARGV[6]) end
return 2";

/// Forgets a batch, and its name, so that it can be handed in again.
/// KEYS: counts, stream, outcomes, active, expiring, to tell, owner's, name. ARGV: id.
pub const REMOVE: &str = "
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
for i = 4, 7 do redis.call('ZREM', KEYS[i], ARGV[1]) end
local known = redis.call('GET', KEYS[8])
if known and string.sub(known, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[8]) end
return 1";

/// Finds a batch whose end is to be told, and puts it off.
/// KEYS: to tell. ARGV: time, time of the next attempt.
pub const TO_TELL: &str = "
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)
if not due[1] then return false end
redis.call('ZADD', KEYS[1], ARGV[2], due[1])
return due[1]";
