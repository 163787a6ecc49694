#include "libs/admission/fingerprint.h"

#include "libs/base/hash.h"

namespace quotaplane {
namespace {

void AddSubject(const Subject& subject, FieldBuffer* fields) {
  fields->Add(subject.org)
      .Add(subject.team)
      .Add(subject.project)
      .Add(subject.user)
      .Add(subject.api_key);
  for (const auto& [key, value] : subject.labels) fields->Add(key).Add(value);
}

void AddUsage(const Usage& usage, FieldBuffer* fields) {
  for (const auto& [meter, quantity] : usage) fields->Add(meter).Add(quantity);
}

}  // namespace

uint64_t SubjectFingerprint(const Subject& subject) {
  FieldBuffer fields;
  AddSubject(subject, &fields);
  return fields.digest().low64();
}

uint64_t RequestFingerprint(const ReserveArgs& args) {
  FieldBuffer fields;
  AddSubject(args.subject, &fields);
  fields.Add(args.subject.model).Add(args.ttl_us).Add(static_cast<int64_t>(args.tier));
  AddUsage(args.estimate, &fields);
  return fields.digest().low64();
}

uint64_t ExtendFingerprint(const ExtendArgs& args) {
  FieldBuffer fields;
  fields.Add(args.subject.model)
      .Add(args.sequence)
      .Add(args.ttl_us)
      .Add(static_cast<int64_t>(args.tier));
  AddUsage(args.estimate, &fields);
  return fields.digest().low64();
}

}  // namespace quotaplane
