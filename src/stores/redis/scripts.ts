/**
 * The Lua scripts. Each answers with a text, and may be run twice: clients repeat commands. The key of the session is the
 * last; one that gets more than one key runs only where all are on one server.
 */
import { createHash } from "node:crypto";

export interface Script {
  readonly source: string;
  readonly sha: string;
}

const script = (source: string): Script => ({ source, sha: createHash("sha1").update(source).digest("hex") });

/**
 * What lies under the key of a session, for every script below; ARGV[1] is the time. The columns are those of `layout.ts`.
 * `stir` writes what is there already: from Redis 7.2 on WAIT counts the replicas that have its own connection's last write,
 * so a command that a client repeats on a new connection must write too, or WAIT would confirm what nobody has.
 */
const look = `
local key = KEYS[#KEYS]
local head = redis.call("GETRANGE", key, 0, 82)
local kind, ends, indexed = string.sub(head, 1, 1), string.sub(head, 3, 18), string.sub(head, 20, 35)
local version, replaced = string.sub(head, 37, 52), string.sub(head, 54, 69)
local live = head ~= "" and ends > ARGV[1]
local function stir() redis.call("SETRANGE", key, 0, kind) end
local function line() return string.match(redis.call("GET", key), "^[^\\n]*") end
`;

/**
 * An entry in a user's index, never lowered; what has expired goes. It adds first: a full server refuses only a script that
 * has not written yet.
 */
const enter = `
local function enter(index, score, id)
  local there = redis.call("ZSCORE", index, id)
  if not there or tonumber(there) < tonumber(score) then redis.call("ZADD", index, score, id) end
  redis.call("ZREMRANGEBYSCORE", index, "-inf", ARGV[1])
  local last = redis.call("ZREVRANGE", index, 0, 0, "WITHSCORES")[2]
  if last then redis.call("PEXPIRE", index, string.format("%.0f", math.max(1, last - ARGV[1]))) end
end
`;

/** ARGV: now, score, id. */
export const index = script(`
${enter}
enter(KEYS[1], ARGV[2], ARGV[3])
return "saved"
`);

/** KEYS: the user's index, if it is written too. ARGV: now, value, ttl, score, id. The nonce tells a repetition from another create. */
export const create = script(`
${enter}
${look}
if head == "" then
  if #KEYS > 1 then enter(KEYS[1], ARGV[4], ARGV[5]) end
  redis.call("SET", key, ARGV[2], "PX", ARGV[3])
  return "saved"
end
if kind ~= "m" and string.sub(head, 37, 69) == string.sub(ARGV[2], 37, 69) then stir() return "saved" end
return "taken"
`);

/**
 * ARGV: now, value, ttl, the score that the user's index must have. The value names the version that it replaces, and the score
 * that the index was given. "saved" also where the record is this writer's already, or the one that replaced it: an answer was
 * lost.
 */
export const update = script(`
${look}
local given, mine, expected = string.sub(ARGV[2], 20, 35), string.sub(ARGV[2], 37, 52), string.sub(ARGV[2], 54, 69)
if not live then return "gone" end
if kind == "m" then return string.sub(head, 20) end
if kind == "p" then return "pending" end
if version ~= expected then
  if version == mine or replaced == mine then stir() return "saved" end
  return "conflict"
end
if given > indexed then indexed = given end
if ARGV[4] > indexed then return "index" end
redis.call("SET", key, string.sub(ARGV[2], 1, 19) .. indexed .. string.sub(ARGV[2], 36), "PX", ARGV[3])
return "saved"
`);

/** ARGV: now, version, expires, ttl, the score the user's index was given. Answers the first line where it must rise first. */
export const touch = script(`
${look}
if not live or kind == "m" then return "gone" end
if kind == "p" then return "pending" end
if version ~= ARGV[2] then return "gone" end
if ARGV[3] <= ends then stir() return "saved" end
if tonumber(indexed) > 0 then
  if ARGV[5] > indexed then indexed = ARGV[5] end
  if ARGV[3] > indexed then return line() end
end
redis.call("SETRANGE", key, 2, ARGV[3] .. " " .. indexed)
redis.call("PEXPIRE", key, ARGV[4])
return "saved"
`);

/** ARGV: now. Answers the first line of what it removed. pcall: a full server lets nobody write, and must let go. */
export const remove = script(`
${look}
if head == "" then
  redis.pcall("SET", key, "", "PX", 1)
  redis.call("DEL", key)
  return "gone"
end
if kind == "m" and live then return string.sub(head, 20) end
local removed = line()
redis.call("DEL", key)
return removed
`);

/**
 * A rotation on one server. KEYS: the user's index, if there is a user; the new id's; the old one's. ARGV: now, expected, new
 * id, mark, its ttl, value, ttl, score, old id. Answers the old record's first line. The old entry goes where the user is the
 * same one.
 */
export const rotate = script(`
${enter}
${look}
local to = KEYS[#KEYS - 1]
if not live then return "gone" end
if kind == "m" then
  if string.sub(head, 20) ~= ARGV[3] then return string.sub(head, 20) end
  stir()
  return redis.call("EXISTS", to) == 1 and "saved" or "gone"
end
if kind == "p" then return "pending" end
if version ~= ARGV[2] then return "conflict" end
if redis.call("EXISTS", to) == 1 then return "taken" end
local left = line()
if #KEYS > 2 then
  enter(KEYS[1], ARGV[8], ARGV[3])
  redis.call("ZREM", KEYS[1], ARGV[9])
end
redis.call("SET", to, ARGV[6], "PX", ARGV[7])
redis.call("SET", key, ARGV[4], "PX", ARGV[5])
return left
`);

/** The old id's step of a rotation, which decides it. ARGV: now, expected, new id, mark, its ttl. Answers the first line. */
export const leave = script(`
${look}
if not live then return "gone" end
if kind == "m" then
  if string.sub(head, 20) == ARGV[3] then stir() return "saved" end
  return string.sub(head, 20)
end
if kind == "p" then return "pending" end
if version ~= ARGV[2] then return "conflict" end
local left = line()
redis.call("SET", key, ARGV[4], "PX", ARGV[5])
return left
`);

/** The new id's last step of a rotation. ARGV: now, ttl. */
export const arrive = script(`
${look}
if head == "" then return "gone" end
if kind ~= "p" then stir() return "saved" end
redis.call("SETRANGE", key, 0, "r")
redis.call("PEXPIRE", key, ARGV[2])
return "saved"
`);

/** For `stats`. Answers the first line and the size. */
export const weigh = script(`
local value = redis.call("GET", KEYS[1])
if not value then return "" end
return string.len(value) .. " " .. string.match(value, "^[^\\n]*")
`);
