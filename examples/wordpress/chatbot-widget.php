<?php
/**
 * Plugin Name:       Chatbot widget
 * Description:       Puts the chat of your chat server on every page.
 * Version:           0.1.0
 * Requires at least: 6.3
 * Requires PHP:      7.4
 * Text Domain:       chatbot-widget
 *
 * The key goes in the script's address, not in an attribute: plugins that optimise pages rewrite tags, and keep addresses.
 */

defined( 'ABSPATH' ) || exit;

/** Where the server is, without a slash at its end; empty where none is set. */
function chatbot_widget_host(): string {
	return untrailingslashit( (string) get_option( 'chatbot_widget_host', '' ) );
}

/** The bot's publishable key; empty where none is set. */
function chatbot_widget_key(): string {
	return chatbot_widget_sanitize_key( get_option( 'chatbot_widget_key', '' ) );
}

/** What is no publishable key is none. @param mixed $key */
function chatbot_widget_sanitize_key( $key ): string {
	$key = trim( (string) $key );
	return preg_match( '/^pk_[\w-]+$/D', $key ) ? $key : '';
}

/** An address of a server, with https or http, or none. @param mixed $host */
function chatbot_widget_sanitize_host( $host ): string {
	return untrailingslashit( esc_url_raw( trim( (string) $host ), array( 'https', 'http' ) ) );
}

function chatbot_widget_is_set(): bool {
	return chatbot_widget_host() && chatbot_widget_key();
}

add_action(
	'wp_enqueue_scripts',
	static function () {
		if ( ! chatbot_widget_is_set() ) {
			return;
		}
		$src = add_query_arg( 'key', chatbot_widget_key(), chatbot_widget_host() . '/static/widget/js/chatbot-widget.js' );
		// No version: the server says how long the file is kept.
		wp_enqueue_script( 'chatbot-widget', $src, array(), null, array( 'strategy' => 'async', 'in_footer' => true ) );
	}
);

add_action(
	'wp_footer',
	static function () {
		if ( ! chatbot_widget_is_set() ) {
			return;
		}
		$page = chatbot_widget_host() . '/chat/' . chatbot_widget_key();
		printf( '<noscript><a href="%s">%s</a></noscript>', esc_url( $page ), esc_html__( 'Chat', 'chatbot-widget' ) );
	}
);

add_action(
	'admin_init',
	static function () {
		register_setting( 'chatbot_widget', 'chatbot_widget_host', array( 'sanitize_callback' => 'chatbot_widget_sanitize_host' ) );
		register_setting( 'chatbot_widget', 'chatbot_widget_key', array( 'sanitize_callback' => 'chatbot_widget_sanitize_key' ) );
	}
);

add_action(
	'admin_menu',
	static function () {
		$title = __( 'Chatbot', 'chatbot-widget' );
		add_options_page( $title, $title, 'manage_options', 'chatbot-widget', 'chatbot_widget_settings' );
	}
);

function chatbot_widget_settings(): void {
	?>
	<div class="wrap">
		<h1><?php esc_html_e( 'Chatbot', 'chatbot-widget' ); ?></h1>
		<form method="post" action="options.php">
			<?php settings_fields( 'chatbot_widget' ); ?>
			<table class="form-table">
				<tr>
					<th><label for="chatbot_widget_host"><?php esc_html_e( 'Address of the chat server', 'chatbot-widget' ); ?></label></th>
					<td><input type="url" class="regular-text" id="chatbot_widget_host" name="chatbot_widget_host"
						value="<?php echo esc_attr( chatbot_widget_host() ); ?>" placeholder="https://chat.example"></td>
				</tr>
				<tr>
					<th><label for="chatbot_widget_key"><?php esc_html_e( 'Publishable key of the bot', 'chatbot-widget' ); ?></label></th>
					<td><input type="text" class="regular-text" id="chatbot_widget_key" name="chatbot_widget_key"
						value="<?php echo esc_attr( chatbot_widget_key() ); ?>" placeholder="pk_…" pattern="pk_[\w\-]+"></td>
				</tr>
			</table>
			<?php submit_button(); ?>
		</form>
	</div>
	<?php
}
