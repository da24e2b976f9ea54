"""Golden event file: the events of event_file_test.cc as TensorBoard's own writer stores them.

Command:  python testdata/generate/event_file.py testdata
Seed:     none; wall times are fixed
Versions: recorded in testdata/goldens/events/read.json

The C++ test writes the same events and compares its file byte for byte. What TensorBoard reads from
the golden file, from all its cuts within the last record, and from a folder in which a second
file goes on at an earlier step, is checked here and recorded.
"""

import json
import os
import platform
import sys
import tempfile

import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

START = 1700000000.25


def scalar(tag, step, value, seconds):
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    return Event(wall_time=START + seconds, step=step, summary=summary)


def events(png):
    image = Summary.Image(height=5, width=7, colorspace=3, encoded_image_string=png)
    picture = Summary(value=[Summary.Value(tag="validation/größe", image=image)])
    return [
        Event(wall_time=START, file_version="brain.Event:2"),
        scalar("train/reward", 0, 0.1, 1),
        scalar("train/reward", 1, -2.5, 2),
        scalar("train/kl", 1, 0.0, 2),
        scalar("train/reward", 300, float("inf"), 3.5),
        Event(wall_time=START + 4, step=300, summary=picture),
        scalar("train/reward", 2**40, 1e-30, 5),
    ]


def resumed():
    return [
        Event(wall_time=START + 60, file_version="brain.Event:2"),
        Event(wall_time=START + 60, step=1, session_log=SessionLog(status=SessionLog.START)),
        scalar("train/reward", 1, 7.0, 61),
    ]


def plugin(name, content=b""):
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=name, content=content))


# As torch.utils.tensorboard writes hparams' session start and a text.
def settings():
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=START + 1)
    start.hparams["lr"].number_value = 0.002
    start.hparams["ema"].bool_value = False
    start.hparams["objective"].string_value = "größe"
    content = plugin_data_pb2.HParamsPluginData(session_start_info=start).SerializeToString(deterministic=True)
    hparams = Summary.Value(tag="_hparams_/session_start_info", metadata=plugin("hparams", content))
    tensor = TensorProto(
        dtype="DT_STRING",
        string_val=["    lr  0.002\n".encode()],
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
    )
    text = Summary.Value(tag="settings", metadata=plugin("text"), tensor=tensor)
    return [
        Event(wall_time=START, file_version="brain.Event:2"),
        Event(wall_time=START + 1, summary=Summary(value=[hparams])),
        Event(wall_time=START + 2, step=3, summary=Summary(value=[text])),
    ]


def write(path, messages):
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        for message in messages:
            writer.write(message.SerializeToString())
        writer.close()


def count(path, size):
    with tempfile.TemporaryDirectory() as folder:
        cut = os.path.join(folder, "events.out.tfevents.0.h")
        with open(path, "rb") as whole, open(cut, "wb") as out:
            out.write(whole.read()[:size])
        return len(list(EventFileLoader(cut).Load()))


def main(folder):
    out = os.path.join(folder, "goldens", "events")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(folder, "goldens", "png_rgb.png"), "rb") as file:
        png = file.read()
    path = os.path.join(out, "events.out.tfevents.1700000000.host.1.0")
    later = os.path.join(out, "events.out.tfevents.1700000060.host.1.0")
    write(path, events(png))
    write(later, resumed())
    settings_folder = os.path.join(folder, "goldens", "event_settings")
    os.makedirs(settings_folder, exist_ok=True)
    write(os.path.join(settings_folder, "events.out.tfevents.1700000000.host.1.0"), settings())
    sizes = [len(e.SerializeToString()) + 16 for e in events(png)]
    for lost in range(sizes[-1] + 1):
        assert count(path, sum(sizes) - lost) == len(sizes) - (lost > 0), lost

    one = EventAccumulator(path).Reload()
    both = EventAccumulator(out, purge_orphaned_data=True).Reload()
    assert one.Images("validation/größe")[0].encoded_image_string == png
    read_settings = EventAccumulator(settings_folder).Reload()
    session = plugin_data_pb2.HParamsPluginData.FromString(
        read_settings.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    ).session_start_info.hparams
    read = {
        "hparams": {
            "lr": session["lr"].number_value,
            "ema": session["ema"].bool_value,
            "objective": session["objective"].string_value,
        },
        "text": [[e.step, e.tensor_proto.string_val[0].decode()] for e in read_settings.Tensors("settings")],
        "versions": {"python": platform.python_version(), "tensorboard": tensorboard.__version__},
        "scalars": {
            tag: [[e.step, e.wall_time, repr(e.value)] for e in one.Scalars(tag)]
            for tag in one.Tags()["scalars"]
        },
        "images": {
            tag: [[e.step, e.width, e.height] for e in one.Images(tag)]
            for tag in one.Tags()["images"]
        },
        "steps_after_resume_at_1": [e.step for e in both.Scalars("train/reward")],
    }
    with open(os.path.join(out, "read.json"), "w", encoding="utf-8") as file:
        json.dump(read, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
