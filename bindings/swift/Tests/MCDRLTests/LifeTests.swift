import Foundation
import MCDRL
import XCTest

final class LifeTests: XCTestCase {
    func testAThousandCallsFromEightTasksLeaveMemoryFlat() async throws {
        let file = try Lab.sample("site-b", "00000")
        let segmenter = try await Lab.open()
        let expected = try await segmenter.segment(file).categoryMask
        @Sendable func round(_ calls: Int) async throws -> Int {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        var right = 0
                        for _ in 0..<calls {
                            let found = try await segmenter.segment(file)
                            let whole = found.confidenceMasks()[0].count == expected.count
                            right += found.categoryMask == expected && whole ? 1 : 0
                        }
                        return right
                    }
                }
                return try await group.reduce(0, +)
            }
        }
        let first = try await round(25)
        let before = try resident()
        let second = try await round(100)
        let after = try resident()
        print("resident memory: \(before) KiB after 200 calls, \(after) KiB after 1000")
        XCTAssertEqual(first + second, 1000)
        XCTAssertLessThanOrEqual(Double(after), Double(before) * 1.05)
        try segmenter.close()
    }

    /// Resident memory, KiB.
    private func resident() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try XCTUnwrap(status.split(separator: "\n").first { $0.hasPrefix("VmRSS") })
        return try XCTUnwrap(Int(line.filter(\.isNumber)))
    }

    func testClosingTwiceAndUsingAClosedSegmenterGiveTypedErrors() async throws {
        let file = try Lab.sample("site-b", "00000")
        let segmenter = try await Lab.open()
        let waiting = (0..<100).map { _ in Task { await failure { try await segmenter.segment(file) } } }
        try await Task.sleep(nanoseconds: 5_000_000)
        try segmenter.close()
        var results = [String]()
        for task in waiting { results.append(await task.value) }
        XCTAssertTrue(results.allSatisfy { ["closed", "no error"].contains($0) }, "\(results)")
        XCTAssertTrue(results.contains("closed"))
        let again = await failure { try segmenter.close() }
        let later = await failure { try await segmenter.segment(file) }
        XCTAssertEqual(again, "closed")
        XCTAssertEqual(later, "closed")
    }

    func testACancelledTaskReturnsWithinTheTimeOfALayer() async throws {
        let segmenter = try await Lab.openAt224(threads: 1)
        let frame = Lab.noise(side: 224)
        func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }
        var whole = UInt64.max
        for _ in 0..<5 {
            let started = now()
            _ = try await segmenter.segment(frame)
            whole = min(whole, now() - started)
        }
        // Other work on the machine only adds time, so the fastest of ten counts.
        var waited = UInt64.max
        for _ in 0..<10 {
            let task = Task { await failure { try await segmenter.segment(frame) } }
            try await Task.sleep(nanoseconds: whole / 4)
            let cancelled = now()
            task.cancel()
            let result = await task.value
            waited = min(waited, now() - cancelled)
            XCTAssertEqual(result, "cancelled")
        }
        // The network has more than twenty layers.
        XCTAssertLessThan(waited, whole / 20)

        // The segmenter skips cancelled images that wait.
        let tasks = (0..<30).map { _ in Task { await failure { try await segmenter.segment(frame) } } }
        try await Task.sleep(nanoseconds: whole / 4)
        tasks.forEach { $0.cancel() }
        let cancelled = now()
        _ = try await segmenter.segment(frame)
        XCTAssertLessThan(now() - cancelled, 15 * whole)
        try segmenter.close()
    }

    func testOnlyTheNewestOfSimultaneousFramesWaits() async throws {
        let segmenter = try await Lab.open()
        let frame = Lab.noise(side: 256)
        // Tasks may overtake each other. Then the older frame is refused.
        let answers = (0..<20).map { timestamp in
            Task { try await segmenter.segmentForVideo(frame, timestampMs: Int64(timestamp)) != nil }
        }
        var segmented = 0
        for answer in answers {
            switch await answer.result {
            case .success(let found): segmented += found ? 1 : 0
            case .failure(let error): XCTAssertEqual((error as? SegmenterError)?.code, .input)
            }
        }
        XCTAssertTrue((1..<20).contains(segmented), "\(segmented)")
        try segmenter.close()
        let late = await failure { try await segmenter.segmentForVideo(frame, timestampMs: 99) }
        XCTAssertEqual(late, "closed")
    }

    func testStaleFramesOfAVideoAreDropped() async throws {
        let segmenter = try await Lab.open()
        let frame = Lab.noise(side: 256)
        let frames = AsyncStream<VideoFrame> { frames in
            Task {
                for timestamp in 0..<40 {
                    frames.yield(VideoFrame(frame, timestampMs: Int64(timestamp)))
                    try await Task.sleep(nanoseconds: 2_000_000)
                }
                frames.finish()
            }
        }
        var timestamps = [Int64]()
        for try await result in segmenter.segmentVideo(frames) { timestamps.append(result.timestampMs) }
        XCTAssertTrue((1..<40).contains(timestamps.count), "\(timestamps)")
        XCTAssertEqual(timestamps, timestamps.sorted())
        XCTAssertEqual(timestamps.last, 39)
        let late = await failure { try await segmenter.segmentForVideo(frame, timestampMs: 39) }
        XCTAssertEqual(late, "input")
        try segmenter.close()
    }

    func testListenersReceiveTheStagesAndTheLog() async throws {
        let heard = Heard()
        setLogHandler { level, line in heard.add("\(level) \(line)") }
        let options = ImageSegmenterOptions(model: Lab.model, device: .cpu, threads: 1) { heard.add("\($0)") }
        try ImageSegmenter(options: options).close()
        setLogHandler(nil)
        XCTAssertEqual(heard.lines.filter { !$0.contains(" ") }, ["device", "model", "warmUp"])
        XCTAssertTrue(heard.lines.contains { $0.hasPrefix("info") && $0.contains("1 threads") }, "\(heard.lines)")
    }

    func testACallAddsLittleToTheTimeOfTheModel() async throws {
        let segmenter = try await Lab.openAt224()
        let frame = Lab.noise(side: 224)
        // Other work on the machine only adds time, so the fastest of five rounds counts.
        var share = Double.infinity
        for _ in 0..<5 {
            var shares = [Double]()
            for _ in 0..<40 {
                let started = DispatchTime.now().uptimeNanoseconds
                let found = try await segmenter.segment(frame)
                let all = Double(DispatchTime.now().uptimeNanoseconds - started) / 1e6
                shares.append((all - found.milliseconds) / all)
            }
            share = min(share, shares.sorted()[20])
        }
        print("calling overhead at 224²: \(100 * share) % of a segmentation (median)")
        XCTAssertLessThanOrEqual(share, 0.03)
        try segmenter.close()
    }
}

private final class Heard: @unchecked Sendable {
    private let lock = NSLock()
    private var all = [String]()

    func add(_ line: String) { lock.withLock { all.append(line) } }

    var lines: [String] { lock.withLock { all } }
}
