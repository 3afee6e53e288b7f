package com.mcdrl

import com.mcdrl.ffi.ModelSource
import java.io.File

/** The device that computes. `AUTO`: the faster of the CPU and the hardware GPU, if both give the right answer. */
public typealias Device = com.mcdrl.ffi.Device

/** A stage of creating a segmenter. */
public typealias CreationStage = com.mcdrl.ffi.CreationStage

/** A confounder of a model. */
public typealias Confounder = com.mcdrl.ffi.Confounder

/** The options of an [ImageSegmenter]. */
public class ImageSegmenterOptions private constructor(
    internal val model: ModelSource,
    /** The device that computes. */
    public val device: Device,
    /** Threads on the CPU. Default: one for each core. */
    public val threads: Int?,
    /** Segments the whole frame, also wide borders and panels around the picture. */
    public val wholeFrame: Boolean,
    /**
     * Also looks at overlapping tiles of this side in pixels, for small lesions in large images. This takes longer. An image has at most
     * 64 tiles: if the side needs more, they are larger.
     */
    public val tileSide: Int?,
    /** Called with the stages of the creation, on a thread of the library. */
    public val onProgress: ((CreationStage) -> Unit)?,
) {
    /** Options with the bytes of a model file. */
    public constructor(
        model: ByteArray,
        device: Device = Device.AUTO,
        threads: Int? = null,
        wholeFrame: Boolean = false,
        tileSide: Int? = null,
        onProgress: ((CreationStage) -> Unit)? = null,
    ) : this(ModelSource.Bytes(model), device, threads, wholeFrame, tileSide, onProgress)

    /** Options with a model file. */
    public constructor(
        model: File,
        device: Device = Device.AUTO,
        threads: Int? = null,
        wholeFrame: Boolean = false,
        tileSide: Int? = null,
        onProgress: ((CreationStage) -> Unit)? = null,
    ) : this(ModelSource.Path(model.path), device, threads, wholeFrame, tileSide, onProgress)
}
