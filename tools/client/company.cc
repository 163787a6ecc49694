#include "tools/client/company.h"

#include <cmath>
#include <string_view>
#include <utility>

namespace quotaplane::client {
namespace {

struct Team {
  std::string_view name;
  std::string_view projects[2];
  double weight;  // share of the people
};

constexpr Team kTeams[] = {
    {"search", {"ranking", "query-rewrite"}, 0.22},
    {"assistant", {"chat", "voice"}, 0.24},
    {"platform", {"code-review", "on-call"}, 0.20},
    {"data-science", {"forecast", "labelling"}, 0.14},
    {"support", {"triage", "replies"}, 0.12},
    {"growth", {"campaigns", "landing-pages"}, 0.08},
};

constexpr std::string_view kNames[] = {
    "alice",  "bruno",  "chen",  "dalia",  "emeka",  "farah",  "goran",  "hana",    "ivo",
    "jasmin", "kofi",   "lena",  "mateo",  "nadia",  "oskar",  "priya",  "quentin", "rosa",
    "samir",  "tomoko", "umar",  "vera",   "wei",    "ximena", "yusuf",  "zoe",     "anders",
    "bianca", "cyril",  "dunja", "elif",   "fabio",  "greta",  "hugo",   "ines",    "jonas",
    "katya",  "liam",   "mira",  "nils",   "olga",   "pavel",  "renata", "sven",    "tara",
    "ulrich", "viola",  "wanda", "xavier", "yara",   "zoltan", "amara",  "boris",   "clara",
    "dmitri", "esther", "felix", "gemma",  "henrik", "ilona"};

}  // namespace

Company::Company(uint64_t seed) {
  std::vector<double> weights;
  for (const Team& team : kTeams) {
    teams_.emplace_back(team.name);
    weights.push_back(team.weight);
  }
  Random random(seed, /*stream=*/UINT64_MAX);
  // Who is how busy: the names, shuffled, are the ranking.
  std::vector<std::string_view> ranking(std::begin(kNames), std::end(kNames));
  for (size_t i = ranking.size() - 1; i > 0; --i)
    std::swap(ranking[i], ranking[random.Below(i + 1)]);

  for (size_t rank = 0; rank < ranking.size(); ++rank) {
    // The first six lead one team each, so that no team is empty.
    const Team& team = kTeams[rank < std::size(kTeams) ? rank : random.Pick(weights)];
    const std::string_view project = team.projects[random.Below(2)];
    people_.push_back({.user = std::string(ranking[rank]),
                       .team = std::string(team.name),
                       .project = std::string(project),
                       .api_key = std::string("key-").append(project)});
    activity_.push_back(std::pow(static_cast<double>(rank + 4), -0.9));
  }
}

const Person& Company::Pick(Random& random) const { return people_[random.Pick(activity_)]; }

}  // namespace quotaplane::client
