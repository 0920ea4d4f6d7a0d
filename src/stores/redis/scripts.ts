/** The Lua scripts. Each reads and writes one key, answers with a text, and may be run twice: clients repeat commands. */
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
local key = KEYS[1]
local head = redis.call("GETRANGE", key, 0, 82)
local kind, ends, indexed = string.sub(head, 1, 1), string.sub(head, 3, 18), string.sub(head, 20, 35)
local version, replaced = string.sub(head, 37, 52), string.sub(head, 54, 69)
local live = head ~= "" and ends > ARGV[1]
local function stir() redis.call("SETRANGE", key, 0, kind) end
local function line() return string.match(redis.call("GET", key), "^[^\\n]*") end
`;

/** ARGV: now, value, ttl. The nonce in the value tells a repeated command from another create. */
export const create = script(`
if redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3], "NX") then return "saved" end
${look}
if kind ~= "m" and string.sub(head, 37, 69) == string.sub(ARGV[2], 37, 69) then stir() return "saved" end
return "taken"
`);

/**
 * ARGV: now, expected, version, expires, ttl, body, the score the user's index must have, the score it was given.
 * "saved" also where the record is this writer's already, or the one that replaced it: an answer was lost.
 */
export const update = script(`
${look}
if not live then return "gone" end
if kind == "m" then return string.sub(head, 20) end
if kind == "p" then return "pending" end
if version ~= ARGV[2] then
  if version == ARGV[3] or replaced == ARGV[3] then stir() return "saved" end
  return "conflict"
end
if ARGV[8] > indexed then indexed = ARGV[8] end
if ARGV[7] > indexed then return "index" end
local columns = "r " .. ARGV[4] .. " " .. indexed .. " " .. ARGV[3] .. " " .. ARGV[2] .. " "
redis.call("SET", key, columns .. ARGV[6], "PX", ARGV[5])
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

/** An entry in a user's index, never lowered; what has expired goes. ARGV: now, score, id. */
export const index = script(`
local key = KEYS[1]
redis.call("ZREMRANGEBYSCORE", key, "-inf", ARGV[1])
local score = redis.call("ZSCORE", key, ARGV[3])
if not score or tonumber(score) < tonumber(ARGV[2]) then redis.call("ZADD", key, ARGV[2], ARGV[3]) end
local last = redis.call("ZREVRANGE", key, 0, 0, "WITHSCORES")[2]
redis.call("PEXPIRE", key, string.format("%.0f", math.max(1, last - ARGV[1])))
return "saved"
`);

/** For `stats`. Answers the first line and the size. */
export const weigh = script(`
local value = redis.call("GET", KEYS[1])
if not value then return "" end
return string.len(value) .. " " .. string.match(value, "^[^\\n]*")
`);
