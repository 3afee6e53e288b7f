package com.mcdrl

import com.mcdrl.ffi.ModelSource
import java.io.File

/** Where to compute. `AUTO`: a real GPU that computes rightly and faster than the CPU, else the CPU. */
public typealias Device = com.mcdrl.ffi.Device

/** A step of making a segmenter. */
public typealias CreationStage = com.mcdrl.ffi.CreationStage

/** A confounder that a model knows. */
public typealias Confounder = com.mcdrl.ffi.Confounder

/** What an [ImageSegmenter] is made of. */
public class ImageSegmenterOptions private constructor(
    internal val model: ModelSource,
    /** Where to compute. */
    public val device: Device,
    /** Threads on the CPU; by default as many as it has cores. */
    public val threads: Int?,
    /** Hears what making the segmenter is at, on a thread of the library's. */
    public val onProgress: ((CreationStage) -> Unit)?,
) {
    /** Of a model file's bytes. */
    public constructor(
        model: ByteArray,
        device: Device = Device.AUTO,
        threads: Int? = null,
        onProgress: ((CreationStage) -> Unit)? = null,
    ) : this(ModelSource.Bytes(model), device, threads, onProgress)

    /** Of a model file. */
    public constructor(
        model: File,
        device: Device = Device.AUTO,
        threads: Int? = null,
        onProgress: ((CreationStage) -> Unit)? = null,
    ) : this(ModelSource.Path(model.path), device, threads, onProgress)
}
