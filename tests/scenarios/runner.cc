#include "tests/scenarios/runner.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/absl_view.h"
#include "libs/base/status_macros.h"
#include "libs/config/policy_reader.h"
#include "libs/config/price_book_reader.h"
#include "tests/scenarios/answers.h"
#include "tests/scenarios/curb_words.h"
#include "tests/scenarios/exception_words.h"
#include "tests/scenarios/request_words.h"
#include "tests/scenarios/script.h"
#include "tests/scenarios/world.h"

namespace quotaplane::scenarios {
namespace {

// What a command came to: an outcome to compare, or nothing but that it was done.
using Result = absl::StatusOr<std::optional<Outcome>>;

absl::Status Error(std::string_view what) { return absl::InvalidArgumentError(AbslView(what)); }

Outcome Counted(int64_t count, const char* what) {
  return {{"", absl::StrCat(count), {what}, {}}, {}};
}

class Runner {
 public:
  explicit Runner(std::string_view name) : name_(name) {}

  // False if the scenario cannot go on.
  bool RunStep(const Step& step);
  // What must hold at the end of every scenario.
  void Finish(int last_line);
  std::vector<std::string> failures() && { return std::move(failures_); }

 private:
  using Handler = Result (Runner::*)(const Step&);
  struct Command {
    Handler handler;
    // What is expected where a scenario says nothing; null: it has to say something, or, where the
    // command has no outcome, cannot.
    const char* plain;
  };
  static const std::map<std::string, Command>& Commands();

  Result At(const Step& step);
  Result Advance(const Step& step);
  Result For(const Step& step);
  Result SetPolicy(const Step& step);
  Result DropPolicy(const Step& step);
  Result Exception(const Step& step);
  Result Revoke(const Step& step);
  Result Freeze(const Step& step) { return AddCurb(step, /*freeze=*/true); }
  Result Throttle(const Step& step) { return AddCurb(step, /*freeze=*/false); }
  Result Acknowledge(const Step& step);
  Result SetPrices(const Step& step);
  Result Reserve(const Step& step);
  Result Check(const Step& step);
  Result Extend(const Step& step);
  Result Commit(const Step& step);
  Result Record(const Step& step);
  Result Release(const Step& step);
  Result GetUsage(const Step& step);
  Result Ledger(const Step& step);
  Result Sweep(const Step& step);
  Result Redis(const Step& step);
  Result Server(const Step& step);
  Result SpoolState(const Step& step);
  Result Drain(const Step& step);

  Result AddCurb(const Step& step, bool freeze);
  // Of the org of `for`.
  std::vector<Curb> CurbsInForce() const {
    return world_.snapshots().Get()->policies->For(subject_.org).curbs->list();
  }
  void SetCurbs(std::vector<Curb> curbs);
  bool IsMeter(const std::string& name) const;
  // The words of a call, over the subject of the reservation `id` or, if there is none, of `for`.
  absl::StatusOr<RequestWords> Words(const Step& step, size_t first, const std::string& id) const;
  absl::StatusOr<std::string> Id(const Step& step) const;
  absl::StatusOr<CommitArgs> UsageWords(const Step& step, const std::string& base_id) const;
  void Compare(const Step& step, const Outcome& outcome, const char* plain);
  void Fail(int line, std::string_view what);

  const std::string_view name_;
  World world_;
  absl::TimeZone zone_;
  Subject subject_;
  std::map<std::string, Subject> reserved_;  // by id
  std::vector<std::string> failures_;
};

const std::map<std::string, Runner::Command>& Runner::Commands() {
  static const auto* const kCommands = new std::map<std::string, Command>{
      {"at", {&Runner::At, nullptr}},
      {"advance", {&Runner::Advance, nullptr}},
      {"for", {&Runner::For, nullptr}},
      {"policy", {&Runner::SetPolicy, nullptr}},
      {"default", {&Runner::DropPolicy, nullptr}},
      {"exception", {&Runner::Exception, nullptr}},
      {"revoke", {&Runner::Revoke, nullptr}},
      {"freeze", {&Runner::Freeze, nullptr}},
      {"throttle", {&Runner::Throttle, nullptr}},
      {"acknowledge", {&Runner::Acknowledge, nullptr}},
      {"prices", {&Runner::SetPrices, nullptr}},
      {"reserve", {&Runner::Reserve, "ALLOW"}},
      {"check", {&Runner::Check, nullptr}},
      {"extend", {&Runner::Extend, "ALLOW"}},
      {"commit", {&Runner::Commit, "CHARGED"}},
      {"record", {&Runner::Record, "CHARGED"}},
      {"release", {&Runner::Release, "RELEASED"}},
      {"usage", {&Runner::GetUsage, nullptr}},
      {"ledger", {&Runner::Ledger, nullptr}},
      {"sweep", {&Runner::Sweep, nullptr}},
      {"redis", {&Runner::Redis, nullptr}},
      {"server", {&Runner::Server, nullptr}},
      {"spool", {&Runner::SpoolState, nullptr}},
      {"drain", {&Runner::Drain, nullptr}},
  };
  return *kCommands;
}

void Runner::Fail(int line, std::string_view what) {
  failures_.push_back(absl::StrCat(AbslView(name_), ":", line, ": ", AbslView(what)));
}

bool Runner::RunStep(const Step& step) {
  const auto command = Commands().find(step.words[0]);
  if (command == Commands().end()) {
    Fail(step.line, absl::StrCat("`", step.words[0], "` is not a command"));
    return false;
  }
  Result result = (this->*command->second.handler)(step);
  if (!result.ok()) {
    Fail(step.line, {result.status().message().data(), result.status().message().size()});
    return false;
  }
  if (result->has_value()) {
    Compare(step, **result, command->second.plain);
  } else if (!step.expected.empty()) {
    Fail(step.line, absl::StrCat("`", step.words[0], "` has no outcome to expect"));
  }
  return true;
}

void Runner::Compare(const Step& step, const Outcome& outcome, const char* plain) {
  std::vector<std::string> expected;
  const bool lists_limits = outcome.head.name == "LIMITS";
  if (lists_limits) expected.emplace_back("LIMITS");
  for (const std::vector<std::string>& words : step.expected) {
    if (lists_limits && words == std::vector<std::string>{"nothing"}) continue;
    if (lists_limits) expected.emplace_back("limit");
    expected.insert(expected.end(), words.begin(), words.end());
  }
  const std::string came = absl::StrCat("\n  came:     ", ToString(outcome, zone_));
  if (step.expected.empty()) {
    if (plain == nullptr) {
      return Fail(step.line,
                  absl::StrCat("`", step.words[0], "` needs -> and what is expected", came));
    }
    expected = {plain};
  }
  const absl::StatusOr<std::optional<std::string>> difference =
      Difference(outcome, expected, zone_);
  if (!difference.ok()) {
    return Fail(step.line, absl::StrCat(difference.status().message(), came));
  }
  if (difference->has_value()) {
    Fail(step.line,
         absl::StrCat(**difference, "\n  expected: ", absl::StrJoin(expected, " "), came));
  }
}

void Runner::Finish(int last_line) {
  if (!world_.redis_running()) return Fail(last_line, "the scenario ends without Redis");
  if (world_.SpoolWaiting() > 0) return Fail(last_line, "the scenario ends with a spool to drain");
  // Every hold ends: a reservation lasts a day at most.
  world_.SetNow(world_.now_us() + absl::ToInt64Microseconds(absl::Hours(25)));
  const absl::StatusOr<int64_t> swept = world_.Sweep();
  const absl::StatusOr<int64_t> holding = world_.CountersWithHolds();
  if (!swept.ok()) return Fail(last_line, swept.status().ToString());
  if (!holding.ok()) return Fail(last_line, holding.status().ToString());
  if (*holding > 0) {
    Fail(last_line, absl::StrCat(*holding, " counters hold something a day after the end"));
  }
}

Result Runner::At(const Step& step) {
  if (step.words.size() != 4) return Error("at DATE TIME ZONE");
  QP_ASSIGN_OR_RETURN(const int64_t now_us,
                      ParseInstant(step.words[1], step.words[2], step.words[3]));
  if (now_us < world_.now_us()) return Error("time does not go back");
  if (!absl::LoadTimeZone(step.words[3], &zone_)) return Error("no such time zone");
  world_.SetNow(now_us);
  return std::nullopt;
}

Result Runner::Advance(const Step& step) {
  if (step.words.size() != 2) return Error("advance TIME_SPAN");
  if (world_.now_us() == 0) return Error("`at` comes first");
  QP_ASSIGN_OR_RETURN(const int64_t by_us, ParseDurationUs(step.words[1]));
  world_.SetNow(world_.now_us() + by_us);
  return std::nullopt;
}

Result Runner::For(const Step& step) {
  QP_ASSIGN_OR_RETURN(RequestWords words, ReadRequest(step.words, 1, Subject(),
                                                      [](const std::string&) { return false; }));
  if (words.tier || words.ttl_us || words.sequence || !words.attempts.empty()) {
    return Error("`for` says who and with which model, nothing else");
  }
  subject_ = std::move(words.subject);
  return std::nullopt;
}

Result Runner::SetPolicy(const Step& step) {
  absl::StatusOr<std::shared_ptr<const Policy>> policy = ParsePolicy(step.block, name_);
  if (step.words.size() == 3 && step.words[1] == "refused") {
    if (policy.ok()) return Error("this policy was expected to be refused");
    if (!absl::StrContains(policy.status().message(), step.words[2])) {
      return Error(
          absl::StrCat("the policy is refused for another reason: ", policy.status().message()));
    }
    return std::nullopt;
  }
  const bool own = step.words.size() == 2 && step.words[1].starts_with("org=");
  if (step.words.size() != 1 && !own) {
    return Error("policy, or: policy org=ORG, or: policy refused \"PART OF THE MESSAGE\"");
  }
  if (!policy.ok()) return policy.status();
  world_.snapshots().UpdatePolicies([&](const PolicySet& present) {
    if (!own) return present.WithDefault(*policy);
    const std::string org = step.words[1].substr(4);
    return present.WithPolicy(org, present.For(org).version + 1, *policy);
  });
  return std::nullopt;
}

Result Runner::DropPolicy(const Step& step) {
  if (step.words.size() != 3 || step.words[1] != "policy" || !step.words[2].starts_with("org=")) {
    return Error("default policy org=ORG");
  }
  const std::string org = step.words[2].substr(4);
  if (world_.snapshots().Get()->policies->For(org).version == 0) return Error("it is so already");
  world_.snapshots().UpdatePolicies(
      [&](const PolicySet& present) { return present.WithoutPolicy(org); });
  return std::nullopt;
}

Result Runner::Exception(const Step& step) {
  if (subject_.org.empty()) return Error("no org: say `for org=…`");
  const std::shared_ptr<const PolicySet> policies = world_.snapshots().Get()->policies;
  QP_ASSIGN_OR_RETURN(Raise raise,
                      ReadException(step.words, 1, *policies->For(subject_.org).policy));
  std::vector<Raise> raises = policies->For(subject_.org).raises->list();
  raises.push_back(std::move(raise));
  world_.snapshots().UpdatePolicies([&](const PolicySet& present) {
    return present.WithRaises(subject_.org, std::move(raises));
  });
  return std::nullopt;
}

Result Runner::Revoke(const Step& step) {
  if (step.words.size() != 2) return Error("revoke EXCEPTION");
  const std::shared_ptr<const PolicySet> policies = world_.snapshots().Get()->policies;
  std::vector<Raise> raises = policies->For(subject_.org).raises->list();
  if (std::erase_if(raises,
                    [&](const Raise& raise) { return raise.exception_id == step.words[1]; }) == 0) {
    return Error("no such exception");
  }
  world_.snapshots().UpdatePolicies([&](const PolicySet& present) {
    return present.WithRaises(subject_.org, std::move(raises));
  });
  return std::nullopt;
}

Result Runner::AddCurb(const Step& step, bool freeze) {
  if (subject_.org.empty()) return Error("no org: say `for org=…`");
  QP_ASSIGN_OR_RETURN(Curb curb, ReadCurb(step.words, freeze));
  std::vector<Curb> curbs = CurbsInForce();
  curbs.push_back(std::move(curb));
  SetCurbs(std::move(curbs));
  return std::nullopt;
}

Result Runner::Acknowledge(const Step& step) {
  if (step.words.size() != 2) return Error("acknowledge ALERT");
  QP_ASSIGN_OR_RETURN(const int64_t alert, ReadAlert(step.words[1]));
  std::vector<Curb> curbs = CurbsInForce();
  if (std::erase_if(curbs, [&](const Curb& curb) { return curb.alert == alert; }) == 0) {
    return Error("that alert has frozen or throttled nothing");
  }
  SetCurbs(std::move(curbs));
  return std::nullopt;
}

void Runner::SetCurbs(std::vector<Curb> curbs) {
  world_.snapshots().UpdatePolicies(
      [&](const PolicySet& present) { return present.WithCurbs(subject_.org, std::move(curbs)); });
}

Result Runner::SetPrices(const Step& step) {
  if (step.words.size() != 1) return Error("`prices` stands alone, its book below it");
  QP_ASSIGN_OR_RETURN(std::shared_ptr<const PriceBook> prices, ParsePriceBook(step.block, name_));
  world_.snapshots().SetPrices(std::move(prices));
  return std::nullopt;
}

bool Runner::IsMeter(const std::string& name) const {
  if (IsTokenMeter(name)) return true;
  const std::shared_ptr<const Snapshot> snapshot = world_.snapshots().Get();
  const Policy& policy = *snapshot->policies->For(subject_.org).policy;
  for (const Limit& limit : policy.document().limits) {
    if (limit.unit.kind == UnitKind::kMeter && limit.unit.meter == name) return true;
  }
  for (const PriceEntry& entry : snapshot->prices->entries()) {
    for (const auto& [tier, prices] : entry.by_tier) {
      if (prices.contains(name)) return true;
    }
  }
  return false;
}

absl::StatusOr<RequestWords> Runner::Words(const Step& step, size_t first,
                                           const std::string& id) const {
  if (world_.now_us() == 0) return Error("`at` comes first");
  const auto known = reserved_.find(id);
  QP_ASSIGN_OR_RETURN(
      RequestWords words,
      ReadRequest(step.words, first, known == reserved_.end() ? subject_ : known->second,
                  [this](const std::string& name) { return IsMeter(name); }));
  if (words.subject.org.empty()) return Error("no org: say `for org=…`");
  return words;
}

absl::StatusOr<std::string> Runner::Id(const Step& step) const {
  if (step.words.size() < 2 || step.words[1].find('=') != std::string::npos ||
      step.words[1] == "attempt") {
    return Error(absl::StrCat("`", step.words[0], "` is followed by an id"));
  }
  return step.words[1];
}

Result Runner::Reserve(const Step& step) {
  QP_ASSIGN_OR_RETURN(const std::string id, Id(step));
  QP_ASSIGN_OR_RETURN(RequestWords words, Words(step, 2, ""));
  if (words.sequence || !words.attempts.empty()) return Error("this belongs to extend or commit");
  if (words.subject.model.empty()) return Error("no model");
  ReserveArgs args{id, words.subject, words.usage, words.tier.value_or(ServiceTier::kStandard)};
  args.ttl_us = words.ttl_us.value_or(kDefaultTtlUs);
  reserved_.insert_or_assign(id, std::move(words.subject));
  return OutcomeOf(world_.Reserve(args));
}

Result Runner::Check(const Step& step) {
  QP_ASSIGN_OR_RETURN(RequestWords words, Words(step, 1, ""));
  if (words.sequence || words.ttl_us || !words.attempts.empty()) {
    return Error("`check` takes a subject, an estimate and a tier");
  }
  if (words.subject.model.empty()) return Error("no model");
  return OutcomeOf(world_.Check({"", std::move(words.subject), std::move(words.usage),
                                 words.tier.value_or(ServiceTier::kStandard)}));
}

Result Runner::Extend(const Step& step) {
  QP_ASSIGN_OR_RETURN(const std::string id, Id(step));
  QP_ASSIGN_OR_RETURN(RequestWords words, Words(step, 2, id));
  if (!words.sequence || !words.attempts.empty()) return Error("`extend` needs sequence=N");
  return OutcomeOf(
      world_.Extend({id, std::move(words.subject), *words.sequence, std::move(words.usage),
                     words.tier.value_or(ServiceTier::kStandard), words.ttl_us.value_or(0)}));
}

absl::StatusOr<CommitArgs> Runner::UsageWords(const Step& step, const std::string& base_id) const {
  QP_ASSIGN_OR_RETURN(const std::string id, Id(step));
  QP_ASSIGN_OR_RETURN(RequestWords words, Words(step, 2, base_id));
  if (words.ttl_us || words.sequence) return Error("this belongs to reserve or extend");
  if (!words.usage.empty()) {
    words.attempts.push_back(
        {"", std::move(words.usage), words.tier.value_or(ServiceTier::kStandard)});
  } else if (words.tier) {
    return Error("a tier of no usage");
  }
  return CommitArgs{id, std::move(words.subject), std::move(words.attempts)};
}

Result Runner::Commit(const Step& step) {
  QP_ASSIGN_OR_RETURN(const std::string id, Id(step));
  QP_ASSIGN_OR_RETURN(const CommitArgs args, UsageWords(step, id));
  return OutcomeOf(world_.Commit(args));
}

Result Runner::Record(const Step& step) {
  QP_ASSIGN_OR_RETURN(CommitArgs args, UsageWords(step, ""));
  args.record = true;
  return OutcomeOf(world_.Commit(args));
}

Result Runner::Release(const Step& step) {
  QP_ASSIGN_OR_RETURN(const std::string id, Id(step));
  if (step.words.size() != 2) return Error("release ID");
  QP_ASSIGN_OR_RETURN(const RequestWords words, Words(step, 2, id));
  return OutcomeOf(world_.Release({words.subject.org, id}));
}

Result Runner::GetUsage(const Step& step) {
  QP_ASSIGN_OR_RETURN(RequestWords words, Words(step, 1, ""));
  if (words.tier || words.ttl_us || words.sequence || !words.attempts.empty() ||
      !words.usage.empty()) {
    return Error("`usage` takes a subject, nothing else");
  }
  return OutcomeOf(world_.GetUsage(words.subject));
}

Result Runner::Ledger(const Step& step) {
  QP_ASSIGN_OR_RETURN(const RequestWords words, Words(step, 1, ""));
  if (step.words.size() > 2 || (step.words.size() == 2 && !step.words[1].starts_with("org="))) {
    return Error("ledger [org=ORG]");
  }
  return OutcomeOf(world_.Ledger(words.subject.org));
}

Result Runner::Sweep(const Step& step) {
  if (step.words.size() != 1) return Error("`sweep` stands alone");
  QP_ASSIGN_OR_RETURN(const int64_t ended, world_.Sweep());
  return Counted(ended, "ended");
}

Result Runner::Redis(const Step& step) {
  const bool start = step.words.size() == 2 && step.words[1] == "up";
  const bool kill = step.words.size() == 2 && step.words[1] == "down";
  if (!start && !kill) return Error("redis down, or: redis up");
  if (start == world_.redis_running()) return Error("it is so already");
  if (start) {
    world_.StartRedis();
  } else {
    world_.KillRedis();
  }
  return std::nullopt;
}

Result Runner::Server(const Step& step) {
  if (step.words.size() != 2 || step.words[1] != "restart") return Error("server restart");
  world_.RestartServer();
  return std::nullopt;
}

Result Runner::SpoolState(const Step& step) {
  if (step.words.size() != 1) return Error("`spool` stands alone");
  return Counted(world_.SpoolWaiting(), "waiting");
}

Result Runner::Drain(const Step& step) {
  if (step.words.size() != 2 || step.words[1] != "spool") return Error("drain spool");
  QP_ASSIGN_OR_RETURN(const int64_t charged, world_.DrainSpool());
  return Counted(charged, "charged");
}

}  // namespace

std::vector<std::string> RunScenario(std::string_view text, std::string_view name) {
  const absl::StatusOr<std::vector<Step>> steps = ReadScript(text, name);
  if (!steps.ok()) return {std::string(steps.status().message())};
  const auto expects = [](const Step& step) { return !step.expected.empty(); };
  if (std::none_of(steps->begin(), steps->end(), expects)) {
    return {absl::StrCat(AbslView(name), ":1: nothing is expected anywhere")};
  }
  Runner runner(name);
  for (const Step& step : *steps) {
    if (!runner.RunStep(step)) return std::move(runner).failures();
  }
  runner.Finish(steps->back().line);
  return std::move(runner).failures();
}

}  // namespace quotaplane::scenarios
