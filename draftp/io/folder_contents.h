// What lies in a folder, for a message about one that isn't what was expected.
#ifndef DRAFTP_IO_FOLDER_CONTENTS_H_
#define DRAFTP_IO_FOLDER_CONTENTS_H_

#include <string>
#include <vector>

namespace draftp {

// Names in the folder at `path`, sorted, of the first 10,000 that the system lists; none where it
// can't be read.
std::vector<std::string> FolderNames(const std::string& path);

// "it holds a.txt, b.tar, c.txt and 12 more", "it is empty".
std::string FolderContents(const std::string& path);

}  // namespace draftp

#endif  // DRAFTP_IO_FOLDER_CONTENTS_H_
