// docs/prices.md says nothing that isn't so: its books can be read, and its figures are the ones
// the code computes.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "libs/config/price_book_reader.h"
#include "libs/config/prices_testing.h"
#include "libs/money/money.h"

namespace quotaplane {
namespace {

constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;

std::vector<std::string> DocLines() {
  std::optional<std::string> text = ReadWholeFile(std::string(QP_SOURCE_DIR) + "/docs/prices.md");
  EXPECT_TRUE(text.has_value());
  return absl::StrSplit(text.value_or(""), '\n');
}

struct Priced {
  std::string model, tier, day;
  std::shared_ptr<const PriceBook> book;
  std::vector<std::vector<std::string>> rows;  // meter, units, USD per million, USD
};

// The texts between backticks.
std::vector<std::string> Quoted(const std::string& line) {
  const std::vector<std::string> parts = absl::StrSplit(line, '`');
  std::vector<std::string> quoted;
  for (size_t i = 1; i < parts.size(); i += 2) quoted.push_back(parts[i]);
  return quoted;
}

std::vector<std::string> Cells(const std::string& row) {
  std::vector<std::string> cells = absl::StrSplit(row, '|');
  cells = std::vector<std::string>(cells.begin() + 1, cells.end() - 1);
  for (std::string& cell : cells) {
    cell = absl::StrReplaceAll(cell, {{"`", ""}, {",", ""}, {" ", ""}});
  }
  return cells;
}

// Every worked example, with the latest book above it.
std::vector<Priced> WorkedExamples() {
  std::vector<Priced> examples;
  std::shared_ptr<const PriceBook> book;
  std::optional<std::string> yaml;
  bool in_table = false;
  for (const std::string& line : DocLines()) {
    if (line == "```yaml") {
      yaml = "";
    } else if (line == "```" && yaml) {
      auto parsed = ParsePriceBook(*yaml, "docs/prices.md");
      EXPECT_TRUE(parsed.ok()) << parsed.status() << "\n" << *yaml;
      if (parsed.ok()) book = *parsed;
      yaml.reset();
    } else if (yaml) {
      *yaml += line + "\n";
    } else if (line.rfind("Priced: ", 0) == 0) {
      const std::vector<std::string> quoted = Quoted(line);
      EXPECT_EQ(quoted.size(), 3u) << line;
      examples.push_back({quoted.at(0), quoted.at(1), quoted.at(2), book, {}});
      in_table = true;
    } else if (line.rfind("| ", 0) == 0 && in_table) {
      const std::vector<std::string> cells = Cells(line);
      if (cells.at(0) != "meter" && cells.at(0) != "---") examples.back().rows.push_back(cells);
      if (cells.at(0) == "total") in_table = false;
    }
  }
  return examples;
}

TEST(PricesDocTest, EveryFigureIsTheOneComputed) {
  const std::map<std::string, ServiceTier> kTiers = {{"standard", ServiceTier::kStandard},
                                                     {"batch", ServiceTier::kBatch},
                                                     {"priority", ServiceTier::kPriority},
                                                     {"flex", ServiceTier::kFlex}};
  const std::vector<Priced> examples = WorkedExamples();
  EXPECT_GE(examples.size(), 5u);
  for (const Priced& example : examples) {
    SCOPED_TRACE(example.model + " " + example.tier + " " + example.day);
    absl::CivilDay day;
    ASSERT_TRUE(absl::ParseCivilTime(example.day, &day));
    ASSERT_NE(example.book, nullptr);
    const PriceEntry* entry = example.book->Find(example.model, (day - absl::CivilDay()) * kDayUs);
    ASSERT_NE(entry, nullptr);

    ASSERT_GE(example.rows.size(), 2u);
    Usage usage;
    for (size_t i = 0; i + 1 < example.rows.size(); ++i) {
      usage.emplace_back(example.rows[i].at(0), std::stoll(example.rows[i].at(1)));
    }
    absl::StatusOr<PricedUsage> priced = PriceUsage(*entry, kTiers.at(example.tier), usage);
    ASSERT_TRUE(priced.ok()) << priced.status();
    ASSERT_EQ(priced->lines.size() + 1, example.rows.size());
    for (size_t i = 0; i < priced->lines.size(); ++i) {
      SCOPED_TRACE(priced->lines[i].meter);
      EXPECT_EQ(FormatUsd(priced->lines[i].unit_price), example.rows[i].at(2));
      EXPECT_EQ(FormatUsd(priced->lines[i].cost_nano_usd), example.rows[i].at(3));
    }
    EXPECT_EQ(example.rows.back().at(0), "total");
    EXPECT_EQ(FormatUsd(priced->cost_nano_usd), example.rows.back().at(3));
  }
}

TEST(PricesDocTest, TheMessagesShownAreTheMessagesGiven) {
  const absl::Status status =
      ParsePriceBook(
          "version: v\nmodels:\n  - model: a\n    from: 2026-01-01\n    usd_per_million:\n      "
          "input_tokens: 3\n"
          "      output: 15\n  - model: b\n    from: 2026-02-30\n    usd_per_million: {input: 1}\n",
          "prices.yaml")
          .status();
  const std::string doc = *ReadWholeFile(std::string(QP_SOURCE_DIR) + "/docs/prices.md");
  EXPECT_NE(doc.find("```\n" + std::string(status.message()) + "\n```"), std::string::npos)
      << status.message();
}

}  // namespace
}  // namespace quotaplane
