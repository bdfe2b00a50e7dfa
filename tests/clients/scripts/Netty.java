import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketClientProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketVersion;
import io.netty.handler.codec.http.websocketx.extensions.compression.WebSocketClientCompressionHandler;
import java.net.URI;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Has messages echoed, compressed as Netty does by default: each may refer to those before it. */
public final class Netty {
    private static final LinkedBlockingQueue<String> SEEN = new LinkedBlockingQueue<>();

    private static final class Reader extends SimpleChannelInboundHandler<TextWebSocketFrame> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, TextWebSocketFrame frame) {
            SEEN.add(frame.text());
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            SEEN.add(event.toString());
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable thrown) {
            SEEN.add(thrown.toString());
        }
    }

    private static void expect(String expected) throws InterruptedException {
        String seen = SEEN.poll(30, TimeUnit.SECONDS);
        if (!expected.equals(seen)) {
            System.err.println("seen " + seen + " and not " + expected);
            System.exit(1);
        }
    }

    public static void main(String[] args) throws Exception {
        URI uri = new URI(args[0]);
        WebSocketClientProtocolHandler protocol =
                new WebSocketClientProtocolHandler(
                        WebSocketClientHandshakerFactory.newHandshaker(
                                uri, WebSocketVersion.V13, null, true, new DefaultHttpHeaders()));
        Bootstrap bootstrap =
                new Bootstrap()
                        .group(new NioEventLoopGroup(1))
                        .channel(NioSocketChannel.class)
                        .handler(
                                new ChannelInitializer<Channel>() {
                                    @Override
                                    protected void initChannel(Channel channel) {
                                        channel.pipeline()
                                                .addLast(
                                                        new HttpClientCodec(),
                                                        new HttpObjectAggregator(8192),
                                                        WebSocketClientCompressionHandler.INSTANCE,
                                                        protocol,
                                                        new Reader());
                                    }
                                });
        Channel channel = bootstrap.connect(uri.getHost(), uri.getPort()).sync().channel();
        expect("HANDSHAKE_ISSUED");
        expect("HANDSHAKE_COMPLETE");
        if (channel.pipeline().names().stream().noneMatch(name -> name.contains("Deflate"))) {
            System.err.println("nothing is compressed");
            System.exit(1);
        }
        for (int i = 0; i < 50; i++) {
            String reading = "{\"sensor\":\"attic\",\"value\":" + i + "}";
            String text = reading.repeat(1 + 40 * i);
            channel.writeAndFlush(new TextWebSocketFrame(text));
            expect(text);
        }
        System.exit(0);
    }
}
