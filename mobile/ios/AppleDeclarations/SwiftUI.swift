// The parts of SwiftUI that the app uses.
@_exported import CoreTransferable
@_exported import UIKit
import UniformTypeIdentifiers

@MainActor @preconcurrency
public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}

/// A view that SwiftUI draws itself.
public protocol Drawn: View where Body == Never {}
extension Drawn {
    public var body: Never { fatalError() }
}
extension Never: View {
    public var body: Never { fatalError() }
}
extension Optional: View where Wrapped: View {
    public var body: Never { fatalError() }
}

@resultBuilder
public struct ViewBuilder {
    public struct Parts: Drawn {}
    public struct Either<First: View, Second: View>: Drawn {}

    public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(_ content: repeat each Content) -> Parts { fatalError() }
    public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
    public static func buildEither<First: View, Second: View>(first: First) -> Either<First, Second> { fatalError() }
    public static func buildEither<First: View, Second: View>(second: Second) -> Either<First, Second> { fatalError() }
}

// State.

@propertyWrapper
public struct State<Value> {
    public init(wrappedValue: Value) {}
    public init() where Value: ExpressibleByNilLiteral {}
    public var wrappedValue: Value {
        get { fatalError() }
        nonmutating set {}
    }
    public var projectedValue: Binding<Value> { fatalError() }
}

@propertyWrapper
public struct Binding<Value> {
    public var wrappedValue: Value {
        get { fatalError() }
        nonmutating set {}
    }
    public init() {}
}

@propertyWrapper
public struct Environment<Value> {
    public init(_ path: KeyPath<EnvironmentValues, Value>) {}
    public var wrappedValue: Value { fatalError() }
}

public struct EnvironmentValues {
    public var dismiss: DismissAction { fatalError() }
}

public struct DismissAction {
    @MainActor public func callAsFunction() {}
}

public protocol ObservableObject: AnyObject {}

@propertyWrapper
public struct Published<Value> {
    public var wrappedValue: Value
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

@propertyWrapper @MainActor
public struct StateObject<Object: ObservableObject> {
    public init(wrappedValue: @autoclosure @escaping () -> Object) {}
    public var wrappedValue: Object { fatalError() }
}

@propertyWrapper @MainActor
public struct EnvironmentObject<Object: ObservableObject> {
    public init() {}
    public var wrappedValue: Object { fatalError() }
}

// The app.

@MainActor @preconcurrency
public protocol App {
    associatedtype Body: Scene
    @SceneBuilder var body: Body { get }
    init()
}
extension App {
    public static func main() {}
}

public protocol Scene {}

@resultBuilder
public struct SceneBuilder {
    public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}

public struct WindowGroup<Content: View>: Scene {
    public init(@ViewBuilder content: () -> Content) {}
}

@MainActor @preconcurrency
public protocol UIViewRepresentable: View where Body == Never {
    associatedtype UIViewType: UIView
    typealias Context = Void
    func makeUIView(context: Context) -> UIViewType
    func updateUIView(_ view: UIViewType, context: Context)
}
extension UIViewRepresentable {
    public var body: Never { fatalError() }
}

// Texts and colours.

public struct LocalizedStringKey: ExpressibleByStringInterpolation {
    public init(_ words: String) {}
    public init(stringLiteral: String) {}
}

public struct Font: Sendable {
    public static let headline = Font()
    public static let footnote = Font()
}

public struct Color: Drawn, ShapeStyle {
    public static let black = Color(red: 0, green: 0, blue: 0)
    public static let white = black
    public static let red = black
    public init(red: Double, green: Double, blue: Double) {}
    public init(_ colour: UIColor) {}
}

public protocol ShapeStyle {}
public struct HierarchicalShapeStyle: ShapeStyle {}
public struct BackgroundStyle: ShapeStyle {}
extension ShapeStyle where Self == HierarchicalShapeStyle {
    public static var secondary: HierarchicalShapeStyle { fatalError() }
}
extension ShapeStyle where Self == BackgroundStyle {
    public static var background: BackgroundStyle { fatalError() }
}
extension ShapeStyle where Self == Color {
    public static var white: Color { fatalError() }
    public static var red: Color { fatalError() }
}

// Layout.

public struct Alignment: Sendable {
    public static let center = Alignment()
    public static let leading = Alignment()
    public static let top = Alignment()
}

public struct HorizontalAlignment: Sendable {
    public static let center = HorizontalAlignment()
    public static let leading = HorizontalAlignment()
}

public enum Edge {
    public struct Set: Sendable {
        public static let horizontal = Set()
    }
}

public enum ContentMode { case fit }
public enum TextAlignment { case center }
public enum ControlSize { case large }

public struct VStack<Content: View>: Drawn {
    public init(
        alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content
    ) {}
}

public struct HStack<Content: View>: Drawn {
    public init(spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {}
}

public struct ZStack<Content: View>: Drawn {
    public init(alignment: Alignment = .center, @ViewBuilder content: () -> Content) {}
}

public struct ScrollView<Content: View>: Drawn {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct NavigationStack<Content: View>: Drawn {
    public init(@ViewBuilder root: () -> Content) {}
}

public struct Spacer: Drawn {
    public init() {}
}

public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: Drawn {
    public init(
        _ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content
    ) {}
}

// Views.

public struct Text: Drawn {
    public init(_ words: LocalizedStringKey) {}
    @_disfavoredOverload public init<Words: StringProtocol>(_ words: Words) {}
    public static func + (first: Text, second: Text) -> Text { fatalError() }
}

public struct Image: Drawn {
    public init(uiImage: UIImage) {}
    public init(decorative image: CGImage, scale: CGFloat) {}
    public func resizable() -> Image { self }
}

public struct Label: Drawn {
    public init(_ words: LocalizedStringKey, systemImage: String) {}
    @_disfavoredOverload public init<Words: StringProtocol>(_ words: Words, systemImage: String) {}
}

public protocol Shape: View {}

public struct RoundedRectangle: Shape, Drawn {
    public init(cornerRadius: CGFloat) {}
}

extension Shape {
    public func fill(_ style: some ShapeStyle) -> some View { self }
    public func stroke(_ style: some ShapeStyle, lineWidth: CGFloat) -> some View { self }
}

// Controls.

public struct Slider: Drawn {
    public init(value: Binding<Double>) {}
}

public struct ProgressView: Drawn {
    public init() {}
    public init(value: (some BinaryFloatingPoint)?) {}
}

public struct Button<Content: View>: Drawn {
    public init(action: @escaping @MainActor () -> Void, @ViewBuilder label: () -> Content) {}
}
extension Button where Content == Text {
    public init(_ words: LocalizedStringKey, action: @escaping @MainActor () -> Void) {}
}

public struct Link: Drawn {
    public init(_ words: LocalizedStringKey, destination: URL) {}
}

public struct LabeledContent<Content: View>: Drawn {
    public init(_ words: LocalizedStringKey, @ViewBuilder content: () -> Content) {}
}

extension Image: Transferable {
    public static var transferRepresentation: some TransferRepresentation {
        DataRepresentation<Image>(exportedContentType: .png) { _ in fatalError() }
    }
}

public struct SharePreview<Icon: Transferable> {
    public init(_ words: LocalizedStringKey, image: Icon) {}
}

public struct ShareLink<Item: Transferable, Icon: Transferable, Content: View>: Drawn {
    public init(item: Item, preview: SharePreview<Icon>, @ViewBuilder label: () -> Content) {}
}

public protocol PrimitiveButtonStyle {}
public struct BorderedButtonStyle: PrimitiveButtonStyle {}
public struct BorderedProminentButtonStyle: PrimitiveButtonStyle {}
extension PrimitiveButtonStyle where Self == BorderedButtonStyle {
    public static var bordered: BorderedButtonStyle { fatalError() }
}
extension PrimitiveButtonStyle where Self == BorderedProminentButtonStyle {
    public static var borderedProminent: BorderedProminentButtonStyle { fatalError() }
}

// Accessibility.

public struct AccessibilityTraits: Sendable {
    public static let isHeader = AccessibilityTraits()
}

public enum AccessibilityChildBehavior { case ignore, combine }

extension View {
    public func padding() -> some View { self }
    public func padding(_ edges: Edge.Set) -> some View { self }
    public func frame(width: CGFloat? = nil, height: CGFloat? = nil) -> some View { self }
    public func frame(
        maxWidth: CGFloat? = nil, maxHeight: CGFloat? = nil, alignment: Alignment = .center
    ) -> some View { self }
    public func scaledToFit() -> some View { self }
    public func aspectRatio(_ ratio: CGFloat?, contentMode: ContentMode) -> some View { self }
    public func clipShape(_ shape: some Shape) -> some View { self }

    public func font(_ font: Font?) -> some View { self }
    public func monospacedDigit() -> some View { self }
    public func multilineTextAlignment(_ alignment: TextAlignment) -> some View { self }
    public func foregroundStyle(_ style: some ShapeStyle) -> some View { self }
    public func tint(_ colour: Color?) -> some View { self }
    public func opacity(_ opacity: Double) -> some View { self }
    public func background(_ style: some ShapeStyle) -> some View { self }
    public func background(_ style: some ShapeStyle, in shape: some Shape) -> some View { self }
    public func overlay(_ view: some View) -> some View { self }

    public func buttonStyle(_ style: some PrimitiveButtonStyle) -> some View { self }
    public func controlSize(_ size: ControlSize) -> some View { self }
    public func disabled(_ disabled: Bool) -> some View { self }
    public func navigationTitle(_ words: LocalizedStringKey) -> some View { self }
    public func fullScreenCover(
        isPresented: Binding<Bool>, @ViewBuilder content: @escaping () -> some View
    ) -> some View { self }

    public func task(_ action: @escaping @Sendable @MainActor () async -> Void) -> some View { self }
    public func onAppear(perform action: (() -> Void)? = nil) -> some View { self }
    public func onChange<Value: Equatable>(of value: Value, perform action: @escaping (Value) -> Void) -> some View {
        self
    }
    public func environmentObject(_ object: some ObservableObject) -> some View { self }

    public func accessibilityElement(children: AccessibilityChildBehavior = .ignore) -> some View { self }
    public func accessibilityHidden(_ hidden: Bool) -> some View { self }
    public func accessibilityAddTraits(_ traits: AccessibilityTraits) -> some View { self }
    public func accessibilityLabel(_ words: Text) -> some View { self }
    public func accessibilityLabel(_ words: LocalizedStringKey) -> some View { self }
    @_disfavoredOverload public func accessibilityLabel(_ words: some StringProtocol) -> some View { self }
}
