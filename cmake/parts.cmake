# The files of each part, found by following includes from its headers: a part holds what these reach and no part
# before it does, and X.cc beside each X.h. .ci/check_parts compares them with Bazel's targets; for it,
# `cmake -P cmake/parts.cmake` prints lines "part file" (on standard error, as CMake does).
include(${CMAKE_CURRENT_LIST_DIR}/needs.cmake)
cmake_policy(VERSION 3.21)

set(DRAFTP_HEADERS_schedule draftp/version.h draftp/schedule/schedules.h)
set(DRAFTP_HEADERS_sampling draftp/sampling/sampling.h)
set(DRAFTP_HEADERS_adapter draftp/adapter/adapter.h)
set(DRAFTP_HEADERS_objective draftp/objective/objectives.h)
set(DRAFTP_HEADERS_by_name
  draftp/sampling/any_guider.h
  draftp/sampling/any_noise.h
  draftp/sampling/any_sampler.h
  draftp/objective/any_objective.h)
set(DRAFTP_HEADERS_lora_file draftp/adapter/lora_file.h draftp/adapter/lora_writer.h)

# Into `out`: `headers`, what they include of draftp, and the sources of both, except the files of `taken`; paths
# relative to `root`.
function(draftp_files out root headers taken)
  set(files)
  set(open ${headers})
  while(open)
    list(POP_FRONT open file)
    if(file IN_LIST files OR file IN_LIST taken)
      continue()
    endif()
    list(APPEND files ${file})
    string(REGEX REPLACE "\\.h$" ".cc" source ${file})
    if(EXISTS ${root}/${source})
      list(APPEND open ${source})
    endif()
    file(STRINGS ${root}/${file} lines REGEX "^#include \"draftp/")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" included "${line}")
      list(APPEND open ${included})
    endforeach()
  endwhile()
  list(SORT files)
  set(${out} ${files} PARENT_SCOPE)
endfunction()

get_filename_component(_draftp_root ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
set(_draftp_taken)
foreach(_part IN LISTS DRAFTP_PARTS)
  draftp_files(DRAFTP_FILES_${_part} ${_draftp_root} "${DRAFTP_HEADERS_${_part}}" "${_draftp_taken}")
  list(APPEND _draftp_taken ${DRAFTP_FILES_${_part}})
endforeach()

if(CMAKE_SCRIPT_MODE_FILE)
  foreach(_part IN LISTS DRAFTP_PARTS)
    foreach(_file IN LISTS DRAFTP_FILES_${_part})
      message("${_part} ${_file}")
    endforeach()
  endforeach()
endif()
