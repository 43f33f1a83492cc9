# SPDX-License-Identifier: MPL-2.0
# Puts a file into Blender's video sequencer and renders that: `-- FILE OUT`.
import sys

import bpy

file, out = sys.argv[sys.argv.index("--") + 1 :]
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = 320, 180
scene.render.resolution_percentage = 100
scene.render.fps = 15
sequences = scene.sequence_editor_create().sequences
video = sequences.new_movie("video", file, channel=2, frame_start=1)
try:
    sequences.new_sound("audio", file, channel=1, frame_start=1)
except RuntimeError as error:
    print(error)
scene.frame_start, scene.frame_end = 1, video.frame_final_duration
scene.view_settings.view_transform = "Standard"
scene.sequencer_colorspace_settings.name = "sRGB"
settings = scene.render.image_settings
settings.file_format = "FFMPEG"
settings.color_mode = "RGB"
encoder = scene.render.ffmpeg
encoder.format = "MKV"
encoder.codec = "FFV1"
encoder.audio_codec = "PCM"
encoder.audio_mixrate = 48000
scene.render.filepath = out
bpy.ops.render.render(animation=True)
