// draftp's version, stated here alone: CMake, the wheel and the programs take it from these
// numbers.
#ifndef DRAFTP_VERSION_H_
#define DRAFTP_VERSION_H_

// For `#if`. A release that changes what programs must write against it raises the minor number,
// as long as the major one is 0.
#define DRAFTP_VERSION_MAJOR 0
#define DRAFTP_VERSION_MINOR 2
#define DRAFTP_VERSION_PATCH 0

#define DRAFTP_INTERNAL_TEXT_OF(number) #number
#define DRAFTP_INTERNAL_TEXT(number) DRAFTP_INTERNAL_TEXT_OF(number)

namespace draftp {

inline constexpr int kVersionMajor = DRAFTP_VERSION_MAJOR;
inline constexpr int kVersionMinor = DRAFTP_VERSION_MINOR;
inline constexpr int kVersionPatch = DRAFTP_VERSION_PATCH;

// "major.minor.patch".
inline constexpr char kVersion[] =
    DRAFTP_INTERNAL_TEXT(DRAFTP_VERSION_MAJOR) "." DRAFTP_INTERNAL_TEXT(
        DRAFTP_VERSION_MINOR) "." DRAFTP_INTERNAL_TEXT(DRAFTP_VERSION_PATCH);

}  // namespace draftp

#undef DRAFTP_INTERNAL_TEXT
#undef DRAFTP_INTERNAL_TEXT_OF

#endif  // DRAFTP_VERSION_H_
