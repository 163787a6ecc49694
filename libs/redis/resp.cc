#include "libs/redis/resp.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"

namespace quotaplane::redis {
namespace {

constexpr size_t kSliceBytes = 64 << 10;
constexpr std::string_view kCrLf = "\r\n";

void AppendHeader(std::string& out, char type, size_t number) {
  char digits[24];
  digits[0] = type;
  char* end = std::to_chars(digits + 1, digits + sizeof(digits) - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(digits, static_cast<size_t>(end - digits));
}

void AppendBulk(std::string& out, std::string_view text) {
  AppendHeader(out, '$', text.size());
  out += text;
  out += kCrLf;
}

size_t EncodedSize(std::span<const std::string_view> args) {
  size_t size = 0;
  for (std::string_view arg : args) size += arg.size() + 16;
  return size;
}

}  // namespace

void AppendCommand(std::string& out, std::span<const std::string_view> args) {
  AppendHeader(out, '*', args.size());
  for (std::string_view arg : args) AppendBulk(out, arg);
}

ScriptCall EncodeEvalSha(const Script& script, std::span<const std::string_view> keys,
                         std::span<const std::string_view> args) {
  ScriptCall call;
  call.wire.reserve(96 + EncodedSize(keys) + EncodedSize(args));
  AppendHeader(call.wire, '*', 3 + keys.size() + args.size());
  AppendBulk(call.wire, "EVALSHA");
  AppendBulk(call.wire, script.sha1_hex());
  call.tail = call.wire.size();
  char count[24];
  const char* end = std::to_chars(count, count + sizeof(count), keys.size()).ptr;
  AppendBulk(call.wire, {count, static_cast<size_t>(end - count)});
  for (std::string_view key : keys) AppendBulk(call.wire, key);
  for (std::string_view arg : args) AppendBulk(call.wire, arg);
  return call;
}

void RewriteAsEval(const Script& script, ScriptCall& call) {
  std::string wire = call.wire.substr(0, call.wire.find(kCrLf) + kCrLf.size());
  AppendBulk(wire, "EVAL");
  AppendBulk(wire, script.source());
  const size_t tail = wire.size();
  wire.append(call.wire, call.tail);
  call.wire = std::move(wire);
  call.tail = tail;
}

// The reply under construction. hiredis hands every created object back as its children's parent,
// by address: an array's elements may move only while none of them is under construction, and that
// is when one is appended.
struct ReplyParser::Builder {
  Reply root;
  bool has_error = false;
  std::string error;
  size_t elements = 0;
  size_t text_bytes = 0;

  void Reset() { *this = Builder(); }

  Reply* Add(const redisReadTask* task, Reply::Type type) {
    Reply* reply = &root;
    if (task->parent != nullptr) {
      if (++elements > kMaxElements) return nullptr;
      reply = &static_cast<Reply*>(task->parent->obj)->elements.emplace_back();
    }
    reply->type = type;
    return reply;
  }

  static Builder& Of(const redisReadTask* task) { return *static_cast<Builder*>(task->privdata); }

  // A null answer makes hiredis fail.
  static void* String(const redisReadTask* task, char* text, size_t size) {
    Builder& self = Of(task);
    const bool bulk = task->type == REDIS_REPLY_STRING;
    if (bulk && std::string_view(text + size, 2) != kCrLf) return nullptr;  // hiredis does not look
    if (!bulk && size > kMaxLineBytes) return nullptr;
    self.text_bytes += size;
    if (self.text_bytes > kMaxTextBytes) return nullptr;
    Reply* reply = self.Add(task, Reply::Type::kString);
    if (reply == nullptr) return nullptr;
    reply->text.assign(text, size);
    if (task->type == REDIS_REPLY_ERROR && !self.has_error) {
      self.has_error = true;
      self.error = reply->text;
    }
    return reply;
  }
  static void* Array(const redisReadTask* task, int elements) {
    if (static_cast<size_t>(elements) > kMaxElements) return nullptr;
    return Of(task).Add(task,
                        Reply::Type::kArray);  // grows as elements come, not by what is announced
  }
  static void* Integer(const redisReadTask* task,
                       long long value) {  // NOLINT(google-runtime-int): hiredis' type
    Reply* reply = Of(task).Add(task, Reply::Type::kInteger);
    if (reply != nullptr) reply->integer = value;
    return reply;
  }
  static void* Nil(const redisReadTask* task) { return Of(task).Add(task, Reply::Type::kNil); }
  static void Free(void*) {}

  static redisReplyObjectFunctions functions;
};

redisReplyObjectFunctions ReplyParser::Builder::functions = {
    &Builder::String, &Builder::Array, &Builder::Integer, &Builder::Nil, &Builder::Free};

ReplyParser::ReplyParser()
    : builder_(std::make_unique<Builder>()),
      reader_(redisReaderCreateWithFunctions(&Builder::functions)) {
  reader_->privdata = builder_.get();
  reader_->maxbuf = 1 << 20;
}

ReplyParser::~ReplyParser() { redisReaderFree(reader_); }

absl::Status ReplyParser::Fail(absl::string_view why) {
  failure_ = absl::InternalError(absl::StrCat("malformed reply: ", why));
  return failure_;
}

absl::Status ReplyParser::Feed(std::string_view bytes, std::vector<ParsedReply>& replies) {
  if (!failure_.ok()) return failure_;
  const bool nothing_begun =
      reader_->ridx == -1 || (reader_->ridx == 0 && reader_->rstack[0].type == -1);
  const bool between_replies = nothing_begun && reader_->pos == reader_->len;
  if (between_replies) {
    while (TakeWholeBulk(bytes, replies)) {
    }
  }
  while (!bytes.empty()) {
    const std::string_view slice = bytes.substr(0, kSliceBytes);
    bytes.remove_prefix(slice.size());
    if (absl::Status status = FeedReader(slice, replies); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// "$<length>\r\n<bytes>\r\n" at the head of `bytes`, in the plain spelling only; all else is left
// to hiredis.
bool ReplyParser::TakeWholeBulk(std::string_view& bytes, std::vector<ParsedReply>& replies) {
  if (bytes.size() < 6 || bytes[0] != '$' || bytes[1] < '1' || bytes[1] > '9') return false;
  size_t size = 0;
  size_t at = 1;
  for (; at < 9 && at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9'; ++at) {
    size = size * 10 + static_cast<size_t>(bytes[at] - '0');
  }
  if (size > kMaxTextBytes || bytes.substr(at, 2) != kCrLf) return false;
  at += kCrLf.size();
  if (bytes.size() < at + size + kCrLf.size() || bytes.substr(at + size, 2) != kCrLf) return false;
  ParsedReply& parsed = replies.emplace_back();
  parsed.reply.type = Reply::Type::kString;
  parsed.reply.text.assign(bytes.data() + at, size);
  bytes.remove_prefix(at + size + kCrLf.size());
  return true;
}

absl::Status ReplyParser::FeedReader(std::string_view bytes, std::vector<ParsedReply>& replies) {
  if (redisReaderFeed(reader_, bytes.data(), bytes.size()) != REDIS_OK)
    return Fail(reader_->errstr);
  for (;;) {
    void* object = nullptr;
    if (redisReaderGetReply(reader_, &object) != REDIS_OK) {
      return Fail(reader_->err == REDIS_ERR_OOM ? "over a limit or not ended by CRLF"
                                                : reader_->errstr);
    }
    if (object == nullptr) break;
    ParsedReply& parsed = replies.emplace_back();
    parsed.reply = std::move(builder_->root);
    if (builder_->has_error) {
      parsed.is_error = true;
      parsed.reply = Reply();
      parsed.reply.type = Reply::Type::kString;
      parsed.reply.text = std::move(builder_->error);
    }
    builder_->Reset();
  }
  const size_t waiting = reader_->len - reader_->pos;
  if (waiting == 0) return absl::OkStatus();
  // The type has been read off already.
  const bool is_text =
      reader_->ridx >= 0 && reader_->rstack[reader_->ridx].type == REDIS_REPLY_STRING;
  if (waiting > (is_text ? kMaxTextBytes : kMaxLineBytes) + 32) return Fail("too long");
  return absl::OkStatus();
}

}  // namespace quotaplane::redis
