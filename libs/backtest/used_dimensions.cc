#include "libs/backtest/used_dimensions.h"

namespace quotaplane {
namespace {

void AddDimension(const Dimension& dimension, UsedDimensions* used) {
  switch (dimension.kind) {
    case DimensionKind::kTeam:
      used->team = true;
      break;
    case DimensionKind::kProject:
      used->project = true;
      break;
    case DimensionKind::kUser:
      used->user = true;
      break;
    case DimensionKind::kApiKey:
      used->api_key = true;
      break;
    case DimensionKind::kLabel:
      used->labels.insert(dimension.label);
      break;
    case DimensionKind::kOrg:
    case DimensionKind::kModel:
      break;
  }
}

void AddConditions(const std::vector<Condition>& when, UsedDimensions* used) {
  for (const Condition& condition : when) AddDimension(condition.dimension, used);
}

}  // namespace

void UsedDimensions::Add(const Policy& policy) {
  const PolicyDocument& document = policy.document();
  for (const Limit& limit : document.limits) {
    // Overrides name dimensions of `per`, or the org.
    for (const Dimension& dimension : limit.per) AddDimension(dimension, this);
    AddConditions(limit.when, this);
  }
  for (const ModelRule& rule : document.model_rules) AddConditions(rule.when, this);
  for (const TierRule& rule : document.tiers) AddConditions(rule.when, this);
}

void UsedDimensions::KeyOf(const Subject& subject, std::string_view model, FieldBuffer* key) const {
  key->Clear();
  key->Add(model);
  if (team) key->Add(subject.team);
  if (project) key->Add(subject.project);
  if (user) key->Add(subject.user);
  if (api_key) key->Add(subject.api_key);
  for (const std::string& label : labels) {
    key->Add(Dimension{DimensionKind::kLabel, label}.ValueIn(subject, model));
  }
}

}  // namespace quotaplane
