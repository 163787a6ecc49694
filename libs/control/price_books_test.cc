#include "libs/control/price_books.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "libs/config/price_book_reader.h"
#include "libs/control/test_stores.h"

namespace quotaplane {
namespace {

using ::testing::HasSubstr;
using State = PriceBookState;

std::string BookYaml(const std::string& version) {
  return absl::StrCat(
      "version: \"", version,
      "\"\nmodels:\n  - {model: big, from: 2026-01-01, usd_per_million: {input: 3}}\n"
      "  - {model: small, from: 2026-01-01, usd_per_million: {input: 1}}\n");
}

class PriceBooksTest : public StoresTest {
 protected:
  absl::StatusOr<StoredPriceBook> Create(const std::string& yaml) {
    ChangeRequest request = RequestOf("admin", "");
    request.reason = "new prices";
    return Make(request, [&](const OpenChange& change) { return store_.Create(change, yaml); });
  }
  StoredPriceBook MustCreate(const std::string& version) {
    const absl::StatusOr<StoredPriceBook> made = Create(BookYaml(version));
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : StoredPriceBook();
  }
  absl::StatusOr<StoredPriceBook> Activate(const StoredPriceBook& book,
                                           std::optional<int64_t> from_us = std::nullopt) {
    return Make(RequestOf("bob", ""), [&](const OpenChange& change) {
      return store_.Activate(change, book.number, book.etag, from_us);
    });
  }
  StoredPriceBook Get(int64_t number) { return *store_.Get(*db_, number, now_us_); }
  std::vector<State> States() {
    std::vector<State> states;
    const auto books = store_.List(*db_, 0, 100, now_us_);
    EXPECT_TRUE(books.ok()) << books.status();
    for (const StoredPriceBook& book : *books) states.push_back(book.state);
    return states;
  }

  const PriceBookStore store_{&codec_};
};

TEST_P(PriceBooksTest, StoredInCanonicalForm) {
  const StoredPriceBook made = MustCreate("2026-11");
  EXPECT_EQ(made.number, 1);
  EXPECT_EQ(made.version, "2026-11");
  EXPECT_EQ(made.state, State::kDraft);
  EXPECT_EQ(made.models, 2);
  EXPECT_EQ(made.author, "admin");
  EXPECT_EQ(made.reason, "new prices");
  const StoredPriceBook read = Get(1);
  EXPECT_EQ(read.yaml, WritePriceBook(**ParsePriceBook(BookYaml("2026-11"), "x")));
  EXPECT_EQ(read.etag, made.etag);
  EXPECT_EQ(Item("prices"), "(none)");
  EXPECT_EQ(LastAudit("target", ""), "price_book/1");
  EXPECT_TRUE(absl::IsNotFound(store_.Get(*db_, 0, now_us_).status()));
  EXPECT_TRUE(absl::IsNotFound(store_.Get(*db_, 2, now_us_).status()));
}

TEST_P(PriceBooksTest, OfABrokenBookEachProblem) {
  const absl::Status status = Create("version: 1\nmodels: none\n").status();
  ASSERT_EQ(FieldViolationsOf(status).size(), 1) << status;
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "yaml");
  EXPECT_THAT(FieldViolationsOf(status)[0].description, HasSubstr("yaml:2: models"));
  EXPECT_THAT(LastAudit("outcome", ""), HasSubstr("INVALID_ARGUMENT"));

  MustCreate("2026-11");
  const absl::Status same = Create(BookYaml("2026-11")).status();
  EXPECT_THAT(std::string(same.message()), HasSubstr("is the name of price book 1"));
  EXPECT_EQ(Count("SELECT COUNT(*) FROM price_books"), 1);
}

TEST_P(PriceBooksTest, TheLatestThatHasBegunIsInForce) {
  const StoredPriceBook first = MustCreate("a"), second = MustCreate("b"), third = MustCreate("c");
  const absl::StatusOr<StoredPriceBook> active = Activate(first);
  ASSERT_TRUE(active.ok()) << active.status();
  EXPECT_EQ(active->state, State::kActive);
  EXPECT_EQ(active->activated_by, "bob");
  EXPECT_EQ(Item("prices"), absl::StrCat("1 from ", now_us_, "; "));
  EXPECT_EQ(ReasonIn(Activate(*active).status()), "WRONG_STATE");

  const int64_t tomorrow_us = now_us_ + kDayUs;
  const absl::StatusOr<StoredPriceBook> scheduled = Activate(second, tomorrow_us);
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  EXPECT_EQ(scheduled->state, State::kScheduled);
  EXPECT_EQ(Item("prices"), absl::StrCat("1 from ", now_us_, "; 2 from ", tomorrow_us, "; "));
  EXPECT_THAT(States(), ::testing::ElementsAre(State::kDraft, State::kScheduled, State::kActive));

  now_us_ = tomorrow_us - 1;
  EXPECT_EQ(Get(0).number, 1);
  now_us_ = tomorrow_us;
  EXPECT_EQ(Get(0).number, 2);
  EXPECT_THAT(States(), ::testing::ElementsAre(State::kDraft, State::kActive, State::kSuperseded));

  // The item has no superseded book any more; and one may come back.
  ASSERT_TRUE(Activate(third, now_us_).ok());
  EXPECT_EQ(Get(0).number, 3);
  EXPECT_EQ(Item("prices"), absl::StrCat("3 from ", now_us_, "; "));
  now_us_ += kHourUs;
  ASSERT_TRUE(Activate(Get(1)).ok());
  EXPECT_EQ(Get(0).number, 1);
  EXPECT_THAT(LastAudit("before_json", ""), HasSubstr("SUPERSEDED"));
}

TEST_P(PriceBooksTest, AScheduledBookMayBeMoved) {
  const StoredPriceBook book = MustCreate("a");
  const absl::StatusOr<StoredPriceBook> scheduled = Activate(book, now_us_ + kDayUs);
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  EXPECT_EQ(ReasonIn(Activate(book, now_us_ + kHourUs).status()), "ETAG_MISMATCH");
  ASSERT_TRUE(Activate(*scheduled, now_us_ + kHourUs).ok());
  EXPECT_EQ(Item("prices"), absl::StrCat("1 from ", now_us_ + kHourUs, "; "));
}

TEST_P(PriceBooksTest, NeverInThePastNorTooMany) {
  const StoredPriceBook book = MustCreate("a");
  for (const int64_t from_us : {now_us_ - 1, now_us_ + kMaxScheduleUs + 1}) {
    EXPECT_EQ(FieldViolationsOf(Activate(book, from_us).status())[0].field, "activate_time");
  }
  EXPECT_EQ(Get(1).state, State::kDraft);
  for (size_t i = 0; i < kMaxScheduledBooks; ++i) {
    ASSERT_TRUE(
        Activate(MustCreate(absl::StrCat("b", i)), now_us_ + static_cast<int64_t>(i) + 1).ok());
  }
  EXPECT_EQ(ReasonIn(Activate(book, now_us_ + kDayUs).status()), "TOO_MANY");
  EXPECT_EQ(Get(1).state, State::kDraft);
  EXPECT_TRUE(Activate(book).ok());
}

TEST_P(PriceBooksTest, ListsNewestFirstByPage) {
  for (const char* version : {"a", "b", "c"}) MustCreate(version);
  const auto versions = [&](int64_t before, size_t count) {
    std::string found;
    const auto books = store_.List(*db_, before, count, now_us_);
    EXPECT_TRUE(books.ok()) << books.status();
    for (const StoredPriceBook& book : *books) {
      EXPECT_EQ(book.yaml, "");
      found += book.version;
    }
    return found;
  };
  EXPECT_EQ(versions(0, 2), "cb");
  EXPECT_EQ(versions(2, 2), "a");
}

QP_OVER_BOTH_DATABASES(PriceBooksTest);

}  // namespace
}  // namespace quotaplane
