package com.mcdrl

import com.mcdrl.ffi.InternalException
import com.mcdrl.ffi.SegmenterException as NativeException

/** Every error of this package. [code] is for programs, the message for people. */
public class SegmenterException(
    /** The kind of the error. */
    public val code: Code,
    message: String,
) : Exception(message) {
    /** The kind of an error. */
    public enum class Code {
        /** The bytes are not a readable image. */
        IMAGE,

        /** The image has too many pixels. */
        IMAGE_TOO_LARGE,

        /** The argument cannot be used: planes too short, a late timestamp, no threads. */
        INPUT,

        /** The file is not a model, or it is damaged or unreadable. */
        MODEL,

        /** The model file has an unknown format version. */
        MODEL_VERSION,

        /** The device is missing or failed. */
        DEVICE,

        /** The device computes wrongly. */
        WRONG_ANSWER,

        /** The device did not answer in time. */
        TIMEOUT,

        /** The call was cancelled. */
        CANCELLED,

        /** The segmenter, or the result, was closed. */
        CLOSED,

        /** A bug of this library. */
        INTERNAL,
    }
}

/** Translates the library's errors into the package's. */
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
            is NativeException.Timeout -> SegmenterException.Code.TIMEOUT
            is NativeException.Cancelled -> SegmenterException.Code.CANCELLED
            is NativeException.Closed -> SegmenterException.Code.CLOSED
            is NativeException.Internal -> SegmenterException.Code.INTERNAL
        }
        throw SegmenterException(code, error.message!!)
    } catch (error: InternalException) {
        throw SegmenterException(SegmenterException.Code.INTERNAL, "a bug in mcdrl, please report it: ${error.message}")
    }
