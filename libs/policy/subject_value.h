// A subject's value of a dimension, written; Dimension::ValueIn (subject.h) reads it.
#pragma once

#include <string>

#include "libs/policy/subject.h"

namespace quotaplane {

// Sets the field that `dimension` names. A label is put behind those that are there: the caller
// keeps them in order, and each key once.
void SetValue(const Dimension& dimension, const std::string& value, Subject* subject);

}  // namespace quotaplane
