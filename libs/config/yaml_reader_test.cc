#include "libs/config/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Message(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

std::unique_ptr<YamlDocument> MustParse(std::string_view text) {
  absl::StatusOr<std::unique_ptr<YamlDocument>> document = YamlDocument::Parse(text, "f.yaml");
  EXPECT_TRUE(document.ok()) << document.status();
  return *std::move(document);
}

// Why the text is not read, or its first problems.
std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<std::unique_ptr<YamlDocument>> document =
      YamlDocument::Parse(text, "f.yaml");
  const absl::Status status = document.ok() ? (*document)->status() : document.status();
  EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kInvalidArgument);
  return status.ok() ? "OK" : Message(status);
}

// What `get` files when it is called on the value of `a: VALUE`.
template <typename Get>
std::string ProblemOf(std::string_view value, Get get) {
  const std::unique_ptr<YamlDocument> document = MustParse("a: " + std::string(value) + "\n");
  get(*document->root().Find("a"));
  return document->status().ok() ? "OK" : Message(document->status());
}

TEST(YamlDocumentTest, KeepsValuesLinesAndPaths) {
  const auto document = MustParse(
      "# a comment\n"
      "limits:\n"
      "  - id: one\n"
      "    when:\n"
      "      team: [x, \"y z\"]\n"
      "  - {id: two}\n");
  const YamlNode limits = *document->root().Find("limits");
  EXPECT_EQ(limits.kind(), YamlKind::kList);
  EXPECT_EQ(limits.size(), 2u);
  EXPECT_EQ(limits.line(), 2);
  const YamlNode first = *limits.begin();
  EXPECT_EQ(first.line(), 3);
  EXPECT_EQ(first.path(), "limits[0]");
  const YamlNode team = *first.Find("when")->Find("team");
  std::vector<std::string> texts;
  for (const YamlNode item : team)
    texts.push_back(absl::StrCat(item.path(), "=", std::string(item.text())));
  EXPECT_THAT(texts,
              testing::ElementsAre("limits[0].when.team[0]=x", "limits[0].when.team[1]=y z"));
  EXPECT_EQ((*++limits.begin()).Find("id")->source(), "f.yaml:6: limits[1].id");
  EXPECT_EQ(document->root().source(), "f.yaml:2");
}

TEST(YamlDocumentTest, AnEmptyDocumentIsNull) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~\n"}) {
    EXPECT_EQ(MustParse(text)->root().kind(), YamlKind::kNull) << text;
  }
}

TEST(YamlDocumentTest, TakesCrLfAndAByteOrderMark) {
  const auto document = MustParse(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: x\r\n");
  EXPECT_EQ(document->root().Find("a")->text(), "1");
  EXPECT_EQ(document->root().Find("b")->text(), "x");
  EXPECT_EQ(document->root().Find("b")->line(), 2);
}

TEST(YamlDocumentTest, RefusesDuplicateKeys) {
  EXPECT_EQ(ErrorOf("a: 1\nb: {c: 1, c: 2}\na: 3\n\"a\": 4\n"),
            "f.yaml:2: b.c: duplicate key, first written in line 2; keep one\n"
            "f.yaml:3: a: duplicate key, first written in line 1; keep one\n"
            "f.yaml:4: a: duplicate key, first written in line 1; keep one");
  std::string many;
  for (int i = 0; i < 30; ++i) absl::StrAppend(&many, "k", i, ": 1\n");
  EXPECT_EQ(ErrorOf(many), "OK");
  EXPECT_EQ(ErrorOf(many + "k7: 2\n"),
            "f.yaml:31: k7: duplicate key, first written in line 8; keep one");
}

TEST(YamlDocumentTest, RefusesWhatConfigurationHasNoUseFor) {
  EXPECT_EQ(ErrorOf("a: 1\nb: &x 2\n"),
            "f.yaml:2: anchors (&name) are not supported; write the value where it is needed");
  EXPECT_EQ(ErrorOf("a: &x [1]\n"),
            "f.yaml:1: anchors (&name) are not supported; write the value where it is needed");
  EXPECT_EQ(ErrorOf("a: &x\n"),
            "f.yaml:1: anchors (&name) are not supported; write the value where it is needed");
  EXPECT_EQ(ErrorOf("a: *x\n"), "f.yaml:1: not valid YAML: the referenced anchor is not defined");
  EXPECT_EQ(ErrorOf("a: !!int 3\n"),
            "f.yaml:1: tag \"tag:yaml.org,2002:int\" is not supported; leave it out");
  EXPECT_EQ(ErrorOf("a: !x [1]\n"), "f.yaml:1: tag \"!x\" is not supported; leave it out");
  EXPECT_EQ(ErrorOf("a: 1\n---\nb: 2\n"),
            "f.yaml:2: text after the end of the document; a file holds one document");
  EXPECT_EQ(ErrorOf("\"a\" \"b\"\n"),
            "f.yaml:1: text after the end of the document; a file holds one document");
  EXPECT_EQ(ErrorOf("? [a]\n: 2\n"), "f.yaml:1: a list or map cannot be a key; write a text");
  EXPECT_EQ(ErrorOf("\n: 2\n"), "f.yaml:2: a key is missing before the colon");
  EXPECT_EQ(ErrorOf("~: 2\n"), "f.yaml:1: a key is missing before the colon");
}

TEST(YamlDocumentTest, SyntaxErrorsHaveALine) {
  EXPECT_EQ(ErrorOf("a: 1\n b: 2\n"), "f.yaml:2: not valid YAML: illegal map value");
  EXPECT_EQ(ErrorOf("a: [1, 2\n"), "f.yaml:2: not valid YAML: end of sequence flow not found");
  EXPECT_EQ(ErrorOf("a: \"\\q\"\n"), "f.yaml:1: not valid YAML: unknown escape character: q");
  EXPECT_THAT(ErrorOf("a:\n\t- b\n"), StartsWith("f.yaml:2: not valid YAML: "));
}

TEST(YamlDocumentTest, RefusesBytesThatAreNotText) {
  EXPECT_EQ(ErrorOf("a: 1\nb: \xFF\n"),
            "f.yaml:2: byte 0xff is not valid UTF-8; save the file as UTF-8");
  for (const std::string& bad :
       {std::string("\xC0\xAF"), std::string("\xE0\x80\xAF"), std::string("\xED\xA0\x80"),
        std::string("\xF0\x80\x80\x80"), std::string("\xF4\x90\x80\x80"), std::string("\x80"),
        std::string("\xE2\x82"), std::string("\xF5\x80\x80\x80"), std::string("\xC3(")}) {
    EXPECT_THAT(ErrorOf("a: " + bad), HasSubstr("is not valid UTF-8"));
  }
  EXPECT_EQ(ErrorOf("a: é日😀\n"), "OK");
  // Byte 4 is where yaml-cpp would stop reading, as if the file ended.
  EXPECT_EQ(ErrorOf("a: 1\n\x04 b"),
            "f.yaml:2: control character 0x04; the file must be plain UTF-8 text");
  EXPECT_EQ(ErrorOf(std::string("a\0:\0", 4)),
            "f.yaml:1: control character 0x00; the file must be plain UTF-8 text");
  EXPECT_EQ(ErrorOf("a: 1\rb: 2\r"),
            "f.yaml:1: a carriage return without a line feed; end lines with LF or CRLF");
}

TEST(YamlDocumentTest, BoundsNesting) {
  const auto nested = [](int levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_EQ(ErrorOf(nested(kMaxYamlDepth)), "OK");
  EXPECT_EQ(ErrorOf(nested(kMaxYamlDepth + 1)), "f.yaml:1: more than 32 levels of nesting");
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_EQ(ErrorOf(dashes), "f.yaml:1: more than 32 levels of nesting");
}

TEST(YamlDocumentTest, BoundsSize) {
  EXPECT_EQ(ErrorOf(std::string(kMaxYamlBytes + 1, '#')),
            "f.yaml:1: the file has 16777217 bytes; at most 16777216 are read");
  EXPECT_EQ(ErrorOf(std::string(kMaxYamlBytes, '#')), "OK");
}

TEST(YamlDocumentTest, BoundsWhatTheParserHasToKeep) {
  EXPECT_THAT(
      ErrorOf(std::string(kMaxYamlBytes, '[')),
      HasSubstr("more than 2000000 brackets, commas and quotes in one [] or {} collection"));
}

TEST(YamlDocumentTest, ListsAtMostFiftyProblemsByLine) {
  const auto document = MustParse("a: 1\nb: 2\n");
  for (int i = 0; i < 60; ++i)
    document->root().Find(i % 2 == 0 ? "b" : "a")->Report(absl::StrCat("no ", i));
  document->ReportLine("f.yaml:1: not counted");
  EXPECT_EQ(document->problem_count(), 61u);
  const std::vector<std::string> lines = absl::StrSplit(Message(document->status()), '\n');
  ASSERT_EQ(lines.size(), kMaxYamlProblems + 1);
  EXPECT_EQ(lines[0], "f.yaml:1: a: no 1");
  EXPECT_EQ(lines[25], "f.yaml:2: b: no 0");
  EXPECT_EQ(lines[50], "f.yaml: 11 more problems are not shown");
}

TEST(YamlDocumentTest, PutsLinesOfLaterChecksInOrder) {
  const auto document = MustParse("a: 1\nb: 2\n");
  document->ReportLine("without a place");
  document->root().Find("b")->Report("second");
  document->ReportLine("f.yaml:1: first");
  EXPECT_EQ(Message(document->status()), "f.yaml:1: first\nf.yaml:2: b: second\nwithout a place");
}

TEST(YamlNodeTest, StringsAreTextsOnly) {
  const auto string = [](const YamlNode& node) { return node.String(); };
  for (const char* value : {"x", "\"12\"", "'true'", "no", "60s", "2026-11-01", "1_000", "1.2.3",
                            "0x", "e5", "\"\"", "claude-*", "!  x"}) {
    EXPECT_EQ(ProblemOf(value, string), "OK") << value;
  }
  EXPECT_EQ(
      ProblemOf("12", string),
      "f.yaml:1: a: must be a text, not the number 12; if the text is meant, quote it: \"12\"");
  for (const char* number : {"007", "-1", "+1", "1.5", ".5", "5.", "1e3", "1E-3", "0x1F", "0o17",
                             ".inf", "-.Inf", ".nan"}) {
    EXPECT_THAT(ProblemOf(number, string), HasSubstr(absl::StrCat("not the number ", number)))
        << number;
  }
  for (const char* boolean : {"true", "False", "TRUE"}) {
    EXPECT_THAT(ProblemOf(boolean, string), HasSubstr(absl::StrCat("not the boolean ", boolean)));
  }
  for (const char* null : {"~", "", "null"}) {
    EXPECT_EQ(ProblemOf(null, string), "f.yaml:1: a: has no value; write a text") << null;
  }
  EXPECT_EQ(ProblemOf("[x]", string), "f.yaml:1: a: must be a text, not a list");
  EXPECT_EQ(ProblemOf("{x: y}", string), "f.yaml:1: a: must be a text, not a map");
}

TEST(YamlNodeTest, DecimalsAreExact) {
  const auto decimal = [](const YamlNode& node) { return node.Decimal(); };
  for (const char* value :
       {"0", "12", "0.25", "-3", "+4.50", "\"7.5\"", "00.1", "99999999999999999999.9"}) {
    EXPECT_EQ(ProblemOf(value, decimal), "OK") << value;
  }
  for (const char* value :
       {"1e3", "0x10", ".5", "5.", "1_000", "1,5", "ten", "--", "1.2.3", "true", "1 000"}) {
    EXPECT_EQ(ProblemOf(value, decimal),
              absl::StrCat("f.yaml:1: a: must be an exact decimal such as 12 or 0.25, not \"",
                           value, "\""));
  }
  EXPECT_EQ(ProblemOf("~", decimal),
            "f.yaml:1: a: has no value; write an exact decimal such as 12 or 0.25");
}

TEST(YamlNodeTest, IntegersHaveARange) {
  std::optional<int64_t> got;
  const auto integer = [&](const YamlNode& node) { got = node.Int64(-5, 1000); };
  for (const auto& [text, value] : std::vector<std::pair<const char*, int64_t>>{
           {"0", 0}, {"-5", -5}, {"+7", 7}, {"\"1000\"", 1000}, {"007", 7}}) {
    EXPECT_EQ(ProblemOf(text, integer), "OK") << text;
    EXPECT_EQ(got, value);
  }
  for (const char* text : {"1001", "-6", "9223372036854775808", "99999999999999999999"}) {
    EXPECT_EQ(ProblemOf(text, integer),
              absl::StrCat("f.yaml:1: a: must be from -5 to 1000, not \"", text, "\""));
    EXPECT_EQ(got, std::nullopt);
  }
  for (const char* text : {"1e3", "0x10", "1_000", "1k", "1.0", "--", "true", "\"\"", "\" 1\""}) {
    EXPECT_THAT(ProblemOf(text, integer),
                StartsWith("f.yaml:1: a: must be a whole number such as 1000, not \""));
  }
}

TEST(YamlNodeTest, ChoicesMapsAndLists) {
  const auto choice = [](const YamlNode& node) { return node.OneOf({"allow", "deny"}); };
  EXPECT_EQ(ProblemOf("deny", choice), "OK");
  EXPECT_EQ(ProblemOf("Deny", choice), "f.yaml:1: a: must be allow or deny, not \"Deny\"");
  EXPECT_EQ(ProblemOf("[deny]", choice), "f.yaml:1: a: must be allow or deny, not a list");
  EXPECT_EQ(ProblemOf("x", [](const YamlNode& node) { return node.ExpectMap(); }),
            "f.yaml:1: a: must be a map (key: value), not \"x\"");
  EXPECT_EQ(ProblemOf("{}", [](const YamlNode& node) { return node.ExpectList(); }),
            "f.yaml:1: a: must be a list ([a, b], or lines with `- `), not a map");
  EXPECT_EQ(
      ProblemOf("{b: 1}",
                [](const YamlNode& node) { return node.Require("c", "write one").has_value(); }),
      "f.yaml:1: a: `c` is missing; write one");
}

TEST(YamlNodeTest, UnknownKeysAreNamedWithAGuess) {
  const auto keys = [](const YamlNode& node) {
    return node.ExpectKeys({"window", "amount", "id"});
  };
  EXPECT_EQ(ProblemOf("{window: 1, id: 2}", keys), "OK");
  EXPECT_EQ(ProblemOf("{windo: 1}", keys),
            "f.yaml:1: a.windo: unknown key; did you mean \"window\"?");
  EXPECT_EQ(ProblemOf("{Amuont: 1}", keys),
            "f.yaml:1: a.Amuont: unknown key; did you mean \"amount\"?");
  EXPECT_EQ(ProblemOf("{colour: 1}", keys),
            "f.yaml:1: a.colour: unknown key; known are window, amount, id");
  EXPECT_EQ(ProblemOf("{<<: 1}", keys),
            "f.yaml:1: a.<<: merge keys are not supported; write the entries out");
}

TEST(YamlNodeTest, ItemsThatHaveANameGoByIt) {
  const auto document = MustParse("rules:\n  - {id: one, at: [1, x]}\n  - {at: y}\n");
  const YamlNode rules = *document->root().Find("rules");
  for (const YamlNode rule : rules) {
    if (const auto id = rule.Find("id")) rule.NameItem(id->text());
    rule.Find("at")->Report("is wrong");
  }
  EXPECT_EQ(Message(document->status()),
            "f.yaml:2: rules[one].at: is wrong\nf.yaml:3: rules[1].at: is wrong");
}

TEST(YamlNodeTest, MessagesStayOnOneLineWhateverTheKey) {
  const auto keys = [](const YamlNode& node) { return node.ExpectKeys({"id"}); };
  EXPECT_EQ(ProblemOf("{\"x\\ny\": 1}", keys), "f.yaml:1: a.x\\ny: unknown key; known are id");
  const std::string long_key(200, 'k');
  EXPECT_EQ(ProblemOf("{" + long_key + ": 1}", keys),
            absl::StrCat("f.yaml:1: a.", std::string(64, 'k'), "…: unknown key; known are id"));
}

TEST(ReadConfigFileTest, NamesThePathInErrors) {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / absl::StrCat("qp_yaml_test_", getpid());
  std::filesystem::create_directory(directory);
  const std::string path = directory / "a.yaml";
  std::ofstream(path) << "a: 1\n";
  EXPECT_EQ(*ReadConfigFile(path), "a: 1\n");

  const std::string absent = directory / "absent.yaml";
  EXPECT_EQ(ReadConfigFile(absent).status(),
            absl::NotFoundError(absent + ": No such file or directory"));
  EXPECT_EQ(ReadConfigFile(directory).status(),
            absl::InvalidArgumentError(directory.string() + ": Is a directory"));
  std::filesystem::resize_file(path, kMaxYamlBytes + 1);
  EXPECT_EQ(ReadConfigFile(path).status(),
            absl::InvalidArgumentError(path + ": the file has more than 16777216 bytes"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace quotaplane
