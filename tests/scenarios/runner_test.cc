// The runner itself: a scenario that is wrong fails, and says where and why.
#include "tests/scenarios/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace quotaplane::scenarios {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// Lines 1 to 12; a test's own lines begin at 13.
constexpr char kStart[] = R"(at 2026-03-02 12:00:00 Europe/Berlin
for org=acme user=alice model=house-model
prices
  version: "t"
  models:
    - {model: house-model, from: 2026-01-01, usd_per_million: {input: 1000, output: 2000}}
policy
  defaults: {on_outage: deny, time_zone: Europe/Berlin}
  limits:
    - {id: user-month, per: [user], unit: usd, amount: 5, window: month}
    - {id: user-warning, per: [user], unit: usd, amount: 4, window: month, on_exceed: soft}

)";

std::vector<std::string> Failures(const std::string& lines) {
  return RunScenario(kStart + lines, "x.scenario");
}

TEST(Runner, AScenarioThatIsRightHasNoFailures) {
  EXPECT_THAT(Failures("reserve r1 input=1,000 output=1000 -> ALLOW cost 3\n"
                       "commit r1 input=1000 output=1500 -> CHARGED cost 4.00 held 3 overrun 1\n"
                       "reserve r2 input=1001\n"
                       "  -> DENY by user-month used 4 needed 1.001 amount 5\n"
                       "          fits 2026-04-01 00:00:00 Europe/Berlin\n"),
              ElementsAre(StartsWith("x.scenario:17: indented lines belong")));
  EXPECT_THAT(Failures("reserve r1 input=1,000 output=1000 -> ALLOW cost 3\n"
                       "commit r1 input=1000 output=1500 -> CHARGED cost 4.00 held 3 overrun 1\n"
                       "reserve r2 input=1001\n"
                       "  -> DENY by user-month used 4 needed 1.001 amount 5\n"
                       "  -> fits 2026-04-01 00:00:00 Europe/Berlin   # a comment\n"
                       "  -> by user-warning soft\n"
                       "usage -> user-month left 1\n"
                       "      -> user-warning soft left 0\n"),
              IsEmpty());
}

TEST(Runner, AFailureNamesPlaceExpectationAndWhatCame) {
  EXPECT_THAT(Failures("reserve r1 input=1000 -> ALLOW cost 2\n"),
              ElementsAre(AllOf(StartsWith("x.scenario:13: cost is 1.00, not 2.00\n"),
                                HasSubstr("expected: ALLOW cost 2\n"),
                                HasSubstr("came:     ALLOW cost 1.00 expires 2026-03-02 12:10:00 "
                                          "Europe/Berlin retry none"))));
}

TEST(Runner, ADifferentVerdictFails) {
  EXPECT_THAT(Failures("reserve r1 input=6000 -> ALLOW\n"),
              ElementsAre(StartsWith("x.scenario:13: DENY is not ALLOW")));
}

TEST(Runner, ACallWithoutExpectationMustBePlain) {
  EXPECT_THAT(Failures("reserve r1 input=6000\ncheck input=1 -> ALLOW\n"),
              ElementsAre(StartsWith("x.scenario:13: DENY is not ALLOW")));
  EXPECT_THAT(Failures("commit r1 input=1\ncheck input=1 -> ALLOW\n"),
              ElementsAre(StartsWith("x.scenario:13: late was not expected")));
}

TEST(Runner, EveryLimitThatRefusesMustBeNamed) {
  EXPECT_THAT(Failures("reserve r1 input=6000 -> DENY by user-month fits never\n"),
              ElementsAre(StartsWith("x.scenario:13: 1 limits are expected in `by`, 2 came: "
                                     "user-month, user-warning")));
  EXPECT_THAT(Failures("usage -> user-month used 0\n"),
              ElementsAre(StartsWith("x.scenario:13: 1 limits are expected in `limit`, 2 came")));
}

TEST(Runner, MarksMustBeTold) {
  EXPECT_THAT(Failures("reserve r1 input=4500 -> ALLOW_SOFT by user-warning\n"),
              ElementsAre(StartsWith("x.scenario:13: by user-warning: soft was not expected")));
  EXPECT_THAT(Failures("reserve r1 input=1 -> ALLOW outage\n"),
              ElementsAre(StartsWith("x.scenario:13: outage did not come")));
}

TEST(Runner, AnOverrunMustBeTold) {
  EXPECT_THAT(Failures("reserve r1 input=1\ncommit r1 input=2 -> CHARGED cost 0.002\n"),
              ElementsAre(StartsWith("x.scenario:14: overrun 0.001 has to be expected by name")));
}

TEST(Runner, FieldsThatAreNotThereFail) {
  EXPECT_THAT(Failures("reserve r1 input=1 -> ALLOW overrun 1\n"),
              ElementsAre(StartsWith("x.scenario:13: there is no `overrun`")));
}

TEST(Runner, AQueryNeedsAnExpectation) {
  for (const std::string query : {"usage", "check input=1", "ledger", "sweep", "spool"}) {
    EXPECT_THAT(Failures(query + "\nreserve r1 input=1 -> ALLOW\n"),
                ElementsAre(AllOf(StartsWith("x.scenario:13: `"),
                                  HasSubstr("needs -> and what is expected"))))
        << query;
  }
}

TEST(Runner, WordsThatMeanNothingAreErrors) {
  const std::pair<const char*, const char*> cases[] = {
      {"reserv r1 input=1", "`reserv` is not a command"},
      {"reserve r1 input=1 outptu=2", "`outptu=2` means nothing here"},
      {"reserve r1 input=1 input=2", "`input=2` means nothing here"},
      {"reserve r1 input=-1", "`-1` is not a count"},
      {"reserve r1 input=1,00", "`1,00` is not a count"},
      {"reserve r1 tier=cheap input=1", "no service tier `cheap`"},
      {"reserve r1 ttl=soon input=1", "`soon` is not a time span"},
      {"reserve r1 attempt input=1", "belongs to extend or commit"},
      {"reserve input=1", "`reserve` is followed by an id"},
      {"reserve r1 user=\"alice input=1", "a quote is not closed"},
      {"reserve r1 input=1 -> ALLOW price 1", "`price` is not a word of expectations"},
      {"reserve r1 input=1 -> ALLOW cost", "`cost` has no value"},
      {"reserve r1 input=1 -> ALLOW cost much", "\"much\""},
      {"reserve r1 input=1 -> ALLOW expires 2026-03-02 12:10:00", "is followed by date, time"},
      {"reserve r1 input=1 ->", "-> expects nothing"},
      {"advance 61", "`61` is not a time span"},
      {"advance 61s -> ALLOW", "`advance` has no outcome to expect"},
      {"at 2026-03-01 12:00:00 UTC", "time does not go back"},
      {"at 2026-03-29 02:30:00 Europe/Berlin", "is not one instant"},
      {"at 2026-10-25 02:30:00 Europe/Berlin", "is not one instant"},
      {"at 2026-03-29 12:00:00 Europe/Berln", "no time zone `Europe/Berln`"},
      {"commit r1 input=1 attempt input=2", "usage stands before the first `attempt`"},
      {"extend r1 input=1", "`extend` needs sequence=N"},
      {"release r1 input=1", "release ID"},
      {"redis up", "it is so already"},
      {"policy\n  limits: 7", "x.scenario:14: limits"},
  };
  for (const auto& [line, message] : cases) {
    EXPECT_THAT(Failures(absl::StrCat(line, "\ncheck input=1 -> ALLOW\n")),
                ElementsAre(AllOf(StartsWith("x.scenario:1"), HasSubstr(message))))
        << line;
  }
}

TEST(Runner, APolicyThatIsNotRefusedFails) {
  EXPECT_THAT(Failures("policy refused \"overrides\"\n  limits: []\ncheck input=1 -> ALLOW\n"),
              ElementsAre(HasSubstr("was expected to be refused")));
  EXPECT_THAT(Failures("policy refused \"overrides\"\n  limits: 7\ncheck input=1 -> ALLOW\n"),
              ElementsAre(HasSubstr("refused for another reason")));
}

TEST(Runner, AScenarioThatExpectsNothingFails) {
  EXPECT_THAT(Failures("reserve r1 input=1\n"),
              ElementsAre(HasSubstr("nothing is expected anywhere")));
}

TEST(Runner, AScenarioMayNotEndInAnOutage) {
  EXPECT_THAT(Failures("usage -> user-month -> user-warning soft\nredis down\n"),
              ElementsAre(StartsWith("x.scenario:14: the scenario ends without Redis")));
  EXPECT_THAT(Failures("redis down\nrecord u1 input=1 -> SPOOLED\nredis up\n"),
              ElementsAre(StartsWith("x.scenario:15: the scenario ends with a spool to drain")));
}

TEST(Runner, AllDifferencesAreTold) {
  EXPECT_THAT(Failures("check input=1 -> DENY\ncheck input=1 -> DENY\n"), SizeIs(2));
}

}  // namespace
}  // namespace quotaplane::scenarios
