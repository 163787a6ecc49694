#include "libs/redis/resp.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"

namespace quotaplane::redis {
namespace {

std::string Show(const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::kNil:
      return "nil";
    case Reply::Type::kInteger:
      return absl::StrCat(reply.integer);
    case Reply::Type::kString:
      return absl::StrCat("'", reply.text, "'");
    case Reply::Type::kArray:
      break;
  }
  std::string out = "[";
  for (const Reply& element : reply.elements)
    absl::StrAppend(&out, out.size() > 1 ? " " : "", Show(element));
  return out + "]";
}

// All replies, then the failure if there is one.
std::string Parse(const std::vector<std::string_view>& chunks) {
  ReplyParser parser;
  std::vector<ParsedReply> replies;
  absl::Status status;
  for (std::string_view chunk : chunks) {
    status = parser.Feed(chunk, replies);
    if (!status.ok()) break;
  }
  std::string out;
  for (const ParsedReply& parsed : replies) {
    absl::StrAppend(&out, out.empty() ? "" : " ", parsed.is_error ? "!" : "", Show(parsed.reply));
  }
  if (!status.ok()) absl::StrAppend(&out, " FAILED");
  return out;
}

std::string Nested(int depth) {
  std::string bytes;
  for (int i = 0; i < depth; ++i) bytes += "*1\r\n";
  return bytes + ":1\r\n";
}

TEST(RespTest, EncodesCommands) {
  std::string out = "x";
  AppendCommand(out, std::array<std::string_view, 3>{"SET", std::string_view("a\0\r\n", 4), ""});
  EXPECT_EQ(out, std::string("x*3\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n", 30));
}

TEST(RespTest, ScriptCallsBecomeEval) {
  const Script script("return 1");
  EXPECT_EQ(script.sha1_hex(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  const std::vector<std::string_view> keys = {"k1", "k2"};
  const std::vector<std::string_view> args = {"a"};
  ScriptCall call = EncodeEvalSha(script, keys, args);
  std::string expected;
  AppendCommand(expected,
                std::vector<std::string_view>{"EVALSHA", script.sha1_hex(), "2", "k1", "k2", "a"});
  EXPECT_EQ(call.wire, expected);
  RewriteAsEval(script, call);
  expected.clear();
  AppendCommand(expected, std::vector<std::string_view>{"EVAL", "return 1", "2", "k1", "k2", "a"});
  EXPECT_EQ(call.wire, expected);
}

TEST(RespTest, ParsesEveryType) {
  EXPECT_EQ(Parse({"+OK\r\n"}), "'OK'");
  EXPECT_EQ(Parse({"$5\r\na\r\nbc\r\n"}), "'a\r\nbc'");
  EXPECT_EQ(Parse({"$0\r\n\r\n"}), "''");
  EXPECT_EQ(Parse({"$-1\r\n"}), "nil");
  EXPECT_EQ(Parse({"*-1\r\n"}), "nil");
  EXPECT_EQ(Parse({":-42\r\n"}), "-42");
  EXPECT_EQ(Parse({"*0\r\n"}), "[]");
  EXPECT_EQ(Parse({"*3\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n$-1\r\n"}), "[1 ['a' []] nil]");
  EXPECT_EQ(Parse({"-ERR no\r\n$1\r\na\r\n"}), "!'ERR no' 'a'");
}

TEST(RespTest, AnErrorInsideAnArrayIsTheReply) {
  EXPECT_EQ(Parse({"*2\r\n:1\r\n-ERR first\r\n*1\r\n-ERR\r\n:1\r\n"}), "!'ERR first' !'ERR' 1");
}

TEST(RespTest, RepliesBeforeAMalformedOneCount) {
  for (const char* bad : {"?\r\n", "$x\r\n", "$1\r\nabc", ":\r\n", ":1x\r\n", "*-2\r\n", "$-2\r\n",
                          "_\r\n", "%1\r\n", "\r\n"}) {
    EXPECT_EQ(Parse({"$1\r\na\r\n:7\r\n", bad, ":1\r\n"}), "'a' 7 FAILED") << bad;
  }
}

TEST(RespTest, StaysFailed) {
  ReplyParser parser;
  std::vector<ParsedReply> replies;
  EXPECT_FALSE(parser.Feed("?\r\n", replies).ok());
  EXPECT_FALSE(parser.Feed(":1\r\n", replies).ok());
  EXPECT_TRUE(replies.empty());
}

TEST(RespTest, Limits) {
  EXPECT_EQ(Parse({Nested(ReplyParser::kMaxDepth)}).back(), ']');
  EXPECT_EQ(Parse({Nested(ReplyParser::kMaxDepth + 1)}), " FAILED");
  EXPECT_EQ(Parse({absl::StrCat("*", ReplyParser::kMaxElements + 1, "\r\n")}), " FAILED");
  // Together, over two arrays.
  std::string many = "*2\r\n";
  for (int i = 0; i < 2; ++i) {
    absl::StrAppend(&many, "*", ReplyParser::kMaxElements / 2, "\r\n");
    for (size_t k = 0; k < ReplyParser::kMaxElements / 2; ++k) many += ":1\r\n";
  }
  EXPECT_EQ(Parse({many}), " FAILED");
  const std::string line(ReplyParser::kMaxLineBytes, 'x');
  EXPECT_EQ(Parse({"+", line, "\r\n"}).size(), line.size() + 2);
  EXPECT_EQ(Parse({"+", line, "y\r\n"}), " FAILED");
  EXPECT_EQ(Parse({"+", line, line}), " FAILED");
  const std::string text(ReplyParser::kMaxTextBytes, 'x');
  const std::string header = absl::StrCat("$", text.size(), "\r\n");
  EXPECT_EQ(Parse({header, text, "\r\n"}).size(), text.size() + 2);
  EXPECT_EQ(Parse({header + text + "\r\n"}).size(), text.size() + 2);
  const std::string longer = absl::StrCat("$", text.size() + 1, "\r\n", text, "y\r\n");
  EXPECT_EQ(Parse({longer}), " FAILED");
  EXPECT_EQ(Parse({longer.substr(0, 100), longer.substr(100)}), " FAILED");
}

TEST(RespTest, TheCutsDoNotMatter) {
  const std::vector<std::string> parts = {"+OK\r\n",
                                          "$3\r\nabc\r\n",
                                          "$0\r\n\r\n",
                                          "$-1\r\n",
                                          ":12\r\n",
                                          "-ERR x\r\n",
                                          "*2\r\n$1\r\na\r\n:1\r\n",
                                          "*0\r\n",
                                          "*1\r\n*1\r\n-E\r\n",
                                          "$012\r\nabcdefghijkl\r\n",
                                          "$2000\r\n" + std::string(2000, 'z') + "\r\n",
                                          "$1\r\nabc",
                                          "#t\r\n"};
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (unsigned i = 0, n = random() % 8; i < n; ++i) bytes += parts[random() % parts.size()];
    const std::string whole = Parse({bytes});
    std::vector<std::string_view> chunks;
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const size_t size =
          std::min<size_t>(rest.size(), 1 + random() % (random() % 4 == 0 ? 1500 : 6));
      chunks.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    ASSERT_EQ(Parse(chunks), whole) << "round " << round << ": " << bytes;
  }
}

}  // namespace
}  // namespace quotaplane::redis
