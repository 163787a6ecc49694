#include "libs/config/price_book_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "libs/config/prices_testing.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int64_t kDay = int64_t{86'400} * 1'000'000;

constexpr char kSonnet[] = R"(version: "2026-11-01"
models:
  - model: claude-sonnet-4-5
    aliases: [claude-sonnet-4-5-20250929]
    from: 2025-09-29
    usd_per_million: {input: 3, cache_read: 0.30, cache_write_5m: 3.75, cache_write_1h: 6, output: 15, thinking_tokens: 1}
    usd_per_unit: {web_search_requests: 0.01}
    batch: {usd_per_million: {input: 1.5, output: 7.5}, usd_per_unit: {web_search_requests: 0.005}}
    priority: {usd_per_million: {input: 4}}
    flex: {usd_per_unit: {web_search_requests: 0}}
    long_context:
      - above_prompt_tokens: 200000
        usd_per_million: {input: 6, cache_read: 0.60, output: 22.5}
        batch: {usd_per_million: {input: 3, output: 11.25}}
      - above_prompt_tokens: 500000
        usd_per_million: {input: 0.000000001}
)";

TEST(PriceBookReaderTest, ReadsEveryPart) {
  auto book = ParsePriceBook(kSonnet, "prices.yaml");
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ((*book)->version(), "2026-11-01");
  ASSERT_EQ((*book)->entries().size(), 1u);
  const PriceEntry& entry = (*book)->entries()[0];
  EXPECT_EQ(entry.model, "claude-sonnet-4-5");
  EXPECT_THAT(entry.aliases, ElementsAre("claude-sonnet-4-5-20250929"));
  EXPECT_EQ(entry.from_us, 20'360 * kDay);
  EXPECT_EQ(entry.source, "prices.yaml:3: models[0]");
  EXPECT_THAT(entry.by_tier.at(ServiceTier::kStandard),
              ElementsAre(Pair("cache_read", 300'000'000), Pair("cache_write_1h", 6'000'000'000),
                          Pair("cache_write_5m", 3'750'000'000), Pair("input", 3'000'000'000),
                          Pair("output", 15'000'000'000), Pair("thinking_tokens", 1'000'000'000),
                          Pair("web_search_requests", 10'000'000'000'000)));
  EXPECT_THAT(entry.by_tier.at(ServiceTier::kBatch),
              ElementsAre(Pair("input", 1'500'000'000), Pair("output", 7'500'000'000),
                          Pair("web_search_requests", 5'000'000'000'000)));
  EXPECT_THAT(entry.by_tier.at(ServiceTier::kPriority), ElementsAre(Pair("input", 4'000'000'000)));
  EXPECT_THAT(entry.by_tier.at(ServiceTier::kFlex), ElementsAre(Pair("web_search_requests", 0)));
  ASSERT_EQ(entry.long_context.size(), 2u);
  EXPECT_EQ(entry.long_context[0].above_prompt_tokens, 200'000);
  EXPECT_THAT(entry.long_context[0].by_tier.at(ServiceTier::kStandard),
              ElementsAre(Pair("cache_read", 600'000'000), Pair("input", 6'000'000'000),
                          Pair("output", 22'500'000'000)));
  EXPECT_THAT(entry.long_context[0].by_tier.at(ServiceTier::kBatch),
              ElementsAre(Pair("input", 3'000'000'000), Pair("output", 11'250'000'000)));
  EXPECT_THAT(entry.long_context[1].by_tier.at(ServiceTier::kStandard),
              ElementsAre(Pair("input", 1)));
}

std::string Refusal(std::string_view text) {
  const absl::Status status = ParsePriceBook(text, "p.yaml").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

// A book of one model with `lines` in its entry.
std::string Book(const std::string& lines) {
  return "version: v\nmodels:\n  - model: m\n    from: 2026-01-01\n" + lines + "\n";
}

TEST(PriceBookReaderTest, ErrorsNameFileLineKeyAndWhatWouldBeRight) {
  const struct {
    std::string text;
    const char* message;
  } kCases[] = {
      {"", "p.yaml:1: has no value"},
      {"models: []", "p.yaml:1: `version` is missing"},
      {"version: v", "p.yaml:1: `models` is missing"},
      {"version: v\nmodels: 3", "p.yaml:2: models: must be a list"},
      {"version: v\nmodels: [3]", "p.yaml:2: models[0]: must be a map"},
      {"version: v\nmodels: [{}]", "p.yaml:2: models[0]: `model` is missing"},
      {"version: v\nmodels: [{}]", "p.yaml:2: models[0]: `from` is missing"},
      {"version: 2026\nmodels: []", "p.yaml:1: version: must be a text, not the number 2026"},
      {"version: \"\"\nmodels: []", "p.yaml:1: version: must have 1 to 128 bytes"},
      {"version: v\nmodel: []\nmodels: []",
       "p.yaml:2: model: unknown key; did you mean \"models\"?"},
      {"version: v\nversion: v\nmodels: []", "duplicate key"},
      {Book("    usd_per_milion: {input: 1}"), "did you mean \"usd_per_million\"?"},
      {Book("    usd_per_million: 3"), "p.yaml:5: models[0].usd_per_million: must be a map"},
      {Book("    usd_per_million: {input: 1e3}"),
       "p.yaml:5: models[0].usd_per_million.input: must be an exact decimal"},
      {Book("    usd_per_million: {input: .5}"), "must be an exact decimal"},
      {Book("    usd_per_million: {input: free}"), "must be an exact decimal"},
      {Book("    usd_per_million: {input: }"), "models[0].usd_per_million.input: has no value"},
      {Book("    usd_per_million: {input: -1}"),
       "must not be negative; a free meter has the price 0"},
      {Book("    usd_per_million: {input: 0.0000000001}"), "more than 9 decimals"},
      {Book("    usd_per_million: {input: 9223372037}"),
       "the largest price is 9223372036.854775807"},
      {Book("    usd_per_unit: {searches: 0.0000000000000001}"), "more than 15 decimals"},
      {Book("    usd_per_unit: {searches: 9224}"), "the largest price is 9223.372036854775807"},
      {Book("    usd_per_million: {inputs: 1}"), "did you mean \"input\"?"},
      {Book("    usd_per_million: {input_tokens: 1}"),
       "is a unit of limits; the meter is \"input\""},
      {Book("    usd_per_million: {searches: 1}"), "other meters are priced in usd_per_unit"},
      {Book("    usd_per_unit: {input: 3}"), "write it under usd_per_million"},
      {Book("    usd_per_unit: {audio_tokens: 3}"), "write it under usd_per_million"},
      {Book("    usd_per_unit: {Web: 3}"), "must match [a-z]"},
      {Book("    batch: {input: 3}"), "p.yaml:5: models[0].batch.input: unknown key"},
      {Book("    batch: {long_context: []}"), "models[0].batch.long_context: unknown key"},
      {Book("    priority: 2"), "models[0].priority: must be a map"},
      {Book("    long_context: {}"), "models[0].long_context: must be a list"},
      {Book("    long_context: [{usd_per_million: {input: 1}}]"),
       "`above_prompt_tokens` is missing"},
      {Book("    long_context: [{above_prompt_tokens: 0}]"), "must be from 1 to 9007199254740991"},
      {Book("    long_context: [{above_prompt_tokens: 200k}]"), "must be a whole number"},
      {Book("    aliases: x"), "models[0].aliases: must be a list"},
      {Book("    aliases: [1]"), "models[0].aliases[0]: must be a text"},
      // Found once everything can be read.
      {Book(""), "p.yaml:3: models[0]: \"m\": has no standard prices"},
      {Book("    usd_per_million: {}"), "without a price"},
      {Book("    usd_per_million: {input: 1}\n    aliases: [m]"),
       "alias \"m\" is a model of the book already"},
  };
  for (const auto& c : kCases) EXPECT_THAT(Refusal(c.text), HasSubstr(c.message)) << c.text;
}

TEST(PriceBookReaderTest, DaysAreDays) {
  const auto with = [](const std::string& day) {
    return "version: v\nmodels: [{model: m, from: " + day + ", usd_per_million: {input: 1}}]";
  };
  for (const char* day :
       {"2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "2026/01/01", "1969-12-31",
        "tomorrow", "\"2026-01-01 \"", "2026-01-0a", "\"\"", "12026-01-01"}) {
    EXPECT_THAT(Refusal(with(day)), HasSubstr("must be a day such as 2026-11-01")) << day;
  }
  EXPECT_THAT(Refusal(with("20260101")), HasSubstr("must be a text"));
  for (const auto& [day, number] : {std::pair("1970-01-01", 0), std::pair("2024-02-29", 19'782),
                                    std::pair("9999-12-31", 2'932'896)}) {
    auto book = ParsePriceBook(with(day), "p.yaml");
    ASSERT_TRUE(book.ok()) << book.status();
    EXPECT_EQ((*book)->entries()[0].from_us, number * kDay) << day;
  }
}

TEST(PriceBookReaderTest, AllProblemsAtOnce) {
  const std::string message = Refusal(
      "version: v\nmodels:\n  - model: a\n    from: today\n    usd_per_million: {input: x}\n  - "
      "from: 2026-01-01\n    batsh: {}\n");
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 3) << message;
  EXPECT_THAT(message, HasSubstr("p.yaml:4: models[0].from"));
  EXPECT_THAT(message, HasSubstr("p.yaml:5: models[0].usd_per_million.input"));
  EXPECT_THAT(message, HasSubstr("p.yaml:6: models[1]: `model` is missing"));
  EXPECT_THAT(message,
              HasSubstr("p.yaml:7: models[1].batsh: unknown key; did you mean \"batch\"?"));
}

TEST(PriceBookReaderTest, LoadsFiles) {
  const std::string path = ::testing::TempDir() + "prices." + std::to_string(::getpid()) + ".yaml";
  EXPECT_EQ(LoadPriceBookFile(path).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(LoadPriceBookFile(path).status().message()), HasSubstr(path));
  std::ofstream(path) << kSonnet;
  auto book = LoadPriceBookFile(path);
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ((*book)->entries()[0].source, path + ":3: models[0]");
  std::ofstream(path) << "version: v\n";
  EXPECT_THAT(std::string(LoadPriceBookFile(path).status().message()), HasSubstr(path + ":1: "));
  ASSERT_EQ(::unlink(path.c_str()), 0);
}

void ExpectRoundTrip(const PriceBook& book) {
  const std::string text = WritePriceBook(book);
  auto back = ParsePriceBook(text, "back.yaml");
  ASSERT_TRUE(back.ok()) << back.status() << "\n" << text;
  ASSERT_EQ((*back)->version(), book.version());
  ASSERT_EQ((*back)->entries().size(), book.entries().size());
  for (size_t i = 0; i < book.entries().size(); ++i) {
    ASSERT_TRUE(SamePrices((*back)->entries()[i], book.entries()[i])) << text;
  }
  ASSERT_EQ(WritePriceBook(**back), text);
}

TEST(PriceBookWriterTest, WritesWhatAPersonWould) {
  auto book = ParsePriceBook(kSonnet, "p.yaml");
  ASSERT_TRUE(book.ok());
  EXPECT_EQ(WritePriceBook(**book), R"(version: "2026-11-01"
models:
  - model: "claude-sonnet-4-5"
    aliases: ["claude-sonnet-4-5-20250929"]
    from: 2025-09-29
    usd_per_million: {input: 3, cache_read: 0.3, cache_write_5m: 3.75, cache_write_1h: 6, output: 15, thinking_tokens: 1}
    usd_per_unit: {web_search_requests: 0.01}
    batch: {usd_per_million: {input: 1.5, output: 7.5}, usd_per_unit: {web_search_requests: 0.005}}
    priority: {usd_per_million: {input: 4}}
    flex: {usd_per_unit: {web_search_requests: 0}}
    long_context:
      - above_prompt_tokens: 200000
        usd_per_million: {input: 6, cache_read: 0.6, output: 22.5}
        batch: {usd_per_million: {input: 3, output: 11.25}}
      - above_prompt_tokens: 500000
        usd_per_million: {input: 0.000000001}
)");
}

TEST(PriceBookWriterTest, TheDefaultBookRoundTrips) { ExpectRoundTrip(*DefaultPriceBook()); }

TEST(PriceBookWriterTest, AnEmptyBookRoundTrips) {
  auto book = PriceBook::Build("v", {});
  ASSERT_TRUE(book.ok());
  ExpectRoundTrip(**book);
}

TEST(PriceBookWriterTest, RandomBooksRoundTrip) {
  constexpr uint64_t kSeed = 64;
  std::mt19937_64 random(kSeed);
  const std::vector<std::string> kMeters = {"input",
                                            "cache_read",
                                            "cache_write_5m",
                                            "cache_write_1h",
                                            "output",
                                            "null",
                                            "true",
                                            "y",
                                            "no",
                                            "audio_tokens",
                                            "_",
                                            "pages",
                                            "e1",
                                            "web_search_requests"};
  const std::vector<std::string> kNamePieces = {
      "a",      "-", "\"",   "\\", ": ", "#", " ", "'", "{", "}",      "é",  "\u2028",
      "\u0085", "😀", "null", "7",  "*",  "&", "!", "%", "@", "\ufeff", "\\n"};
  const auto prices = [&] {
    MeterPrices prices;
    do {
      const std::string& meter = kMeters[random() % kMeters.size()];
      if (meter != "_") prices[meter] = static_cast<int64_t>(random() >> 1) >> (random() % 63);
    } while (prices.empty() || random() % 3 != 0);
    return prices;
  };
  const auto tiers = [&] {
    std::map<ServiceTier, MeterPrices> by_tier = {{ServiceTier::kStandard, prices()}};
    for (ServiceTier tier : {ServiceTier::kBatch, ServiceTier::kPriority, ServiceTier::kFlex}) {
      if (random() % 2) by_tier[tier] = prices();
    }
    return by_tier;
  };
  const auto name = [&](int unique) {
    std::string name = std::to_string(unique);
    for (uint64_t n = random() % 6; n > 0; --n) name += kNamePieces[random() % kNamePieces.size()];
    if (random() % 2) name = kNamePieces[random() % kNamePieces.size()] + "|" + name;
    return name;
  };
  for (int i = 0; i < 500; ++i) {
    std::vector<PriceEntry> entries;
    int names = 0;
    for (uint64_t n = random() % 8; n > 0; --n) {
      PriceEntry entry;
      entry.model = name(++names);
      while (random() % 2) entry.aliases.push_back(name(++names));
      entry.from_us = static_cast<int64_t>(random() % 2'932'897) * kDay;
      entry.by_tier = tiers();
      for (int64_t above = 1 + random() % 1000; random() % 2; above += 1 + random() % 1'000'000) {
        entry.long_context.push_back({above, tiers()});
        if (random() % 4 == 0) entry.long_context.back().by_tier.erase(ServiceTier::kStandard);
        if (entry.long_context.back().by_tier.empty()) entry.long_context.pop_back();
      }
      entries.push_back(std::move(entry));
    }
    auto book = PriceBook::Build(name(0), entries);
    ASSERT_TRUE(book.ok()) << "seed " << kSeed << ", step " << i << ": " << book.status();
    ASSERT_NO_FATAL_FAILURE(ExpectRoundTrip(**book)) << "seed " << kSeed << ", step " << i;
  }
}

}  // namespace
}  // namespace quotaplane
