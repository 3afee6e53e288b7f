package com.mcdrl

import com.mcdrl.ffi.InternalException
import com.mcdrl.ffi.SegmenterException as NativeException

/** Everything that goes wrong: [code] is for programs, the message for people. */
public class SegmenterException(
    /** What went wrong. */
    public val code: Code,
    message: String,
) : Exception(message) {
    /** What went wrong. */
    public enum class Code {
        /** The bytes are no image that can be read. */
        IMAGE,

        /** The image has too many pixels. */
        IMAGE_TOO_LARGE,

        /** The argument is nothing that can be segmented: planes too short, a late timestamp, no threads. */
        INPUT,

        /** The file is no model, or damaged, or cannot be read. */
        MODEL,

        /** The model file is of a format that this version does not know. */
        MODEL_VERSION,

        /** The device is not there, or failed. */
        DEVICE,

        /** The device computes wrongly. */
        WRONG_ANSWER,

        /** It was given up. */
        CANCELLED,

        /** The segmenter, or the result, was closed. */
        CLOSED,

        /** A bug of ours. */
        INTERNAL,
    }
}

/** Errors of the library become those of the package. */
internal inline fun <T> translated(work: () -> T): T =
    try {
        work()
    } catch (error: NativeException) {
        val code = when (error) {
            is NativeException.Image -> SegmenterException.Code.IMAGE
            is NativeException.ImageTooLarge -> SegmenterException.Code.IMAGE_TOO_LARGE
            is NativeException.Input -> SegmenterException.Code.INPUT
            is NativeException.Model -> SegmenterException.Code.MODEL
            is NativeException.ModelVersion -> SegmenterException.Code.MODEL_VERSION
            is NativeException.Device -> SegmenterException.Code.DEVICE
            is NativeException.WrongAnswer -> SegmenterException.Code.WRONG_ANSWER
            is NativeException.Cancelled -> SegmenterException.Code.CANCELLED
            is NativeException.Closed -> SegmenterException.Code.CLOSED
            is NativeException.Internal -> SegmenterException.Code.INTERNAL
        }
        throw SegmenterException(code, error.message!!)
    } catch (error: InternalException) {
        throw SegmenterException(SegmenterException.Code.INTERNAL, "a bug in mcdrl, please report it: ${error.message}")
    }
