#include "libs/policy/subject_value.h"

namespace quotaplane {

void SetValue(const Dimension& dimension, const std::string& value, Subject* subject) {
  switch (dimension.kind) {
    case DimensionKind::kOrg:
      subject->org = value;
      return;
    case DimensionKind::kTeam:
      subject->team = value;
      return;
    case DimensionKind::kProject:
      subject->project = value;
      return;
    case DimensionKind::kUser:
      subject->user = value;
      return;
    case DimensionKind::kApiKey:
      subject->api_key = value;
      return;
    case DimensionKind::kModel:
      subject->model = value;
      return;
    case DimensionKind::kLabel:
      subject->labels.emplace_back(dimension.label, value);
      return;
  }
}

}  // namespace quotaplane
