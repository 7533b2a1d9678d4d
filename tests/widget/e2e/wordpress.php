<?php
/**
 * The plugin's hooks, run by the functions of WordPress that it uses, as far as it uses them: `php wordpress.php HOST KEY`
 * prints what it puts on a page and in the settings. Source of what they do: https://developer.wordpress.org/reference/
 */

define( 'ABSPATH', '/' );
$options  = array( 'chatbot_widget_host' => $argv[1], 'chatbot_widget_key' => $argv[2] );
$hooks    = array();
$scripts  = array();
$settings = array();

function add_action( $name, $work ) { $GLOBALS['hooks'][ $name ][] = $work; }
function do_action( $name ) { foreach ( $GLOBALS['hooks'][ $name ] ?? array() as $work ) { $work(); } }
function get_option( $name, $default = false ) { return $GLOBALS['options'][ $name ] ?? $default; }
function register_setting( $group, $name, $how ) { $GLOBALS['settings'][ $name ] = $how; }
function add_options_page( $title, $menu, $capability, $slug, $page ) { 'manage_options' === $capability && add_action( 'settings_page', $page ); }
function settings_fields( $group ) { echo "<!-- nonce of $group -->"; }
function submit_button() { echo '<button>Save</button>'; }
function untrailingslashit( $text ) { return rtrim( $text, '/\\' ); }
function add_query_arg( $name, $value, $url ) { return "$url?$name=$value"; }
function esc_html( $text ) { return htmlspecialchars( $text, ENT_QUOTES ); }
function esc_attr( $text ) { return htmlspecialchars( $text, ENT_QUOTES ); }
function esc_url_raw( $url, $protocols = array( 'http', 'https' ) ) {
	$url = preg_replace( '|[^a-z0-9-~+_.?#=!&;,/:%@$\|*\'()\[\]\\x80-\\xff]|i', '', $url );
	return in_array( parse_url( $url, PHP_URL_SCHEME ), $protocols, true ) ? $url : '';
}
function esc_url( $url ) { return str_replace( array( '&', "'" ), array( '&#038;', '&#039;' ), esc_url_raw( $url ) ); }
function __( $text, $domain ) { return $text; }
function esc_html__( $text, $domain ) { return esc_html( $text ); }
function esc_html_e( $text, $domain ) { echo esc_html( $text ); }
function wp_enqueue_script( $handle, $src, $needs, $version, $how ) {
	$strategy = $how['strategy'];
	$GLOBALS['scripts'][] = sprintf( '<script src="%s" id="%s-js" %s data-wp-strategy="%s"></script>', esc_url( $src ), $handle, $strategy, $strategy );
}
/** What WordPress prints of a hook. */
function printed( $name ) {
	ob_start();
	do_action( $name );
	return ob_get_clean();
}

require __DIR__ . '/../../../examples/wordpress/chatbot-widget.php';
do_action( 'wp_enqueue_scripts' );
do_action( 'admin_init' );
do_action( 'admin_menu' );
foreach ( $settings as $name => $how ) {
	$saved[ $name ] = $how['sanitize_callback']( $options[ $name ] );
}
echo json_encode( array( 'page' => printed( 'wp_footer' ) . implode( $scripts ), 'settings' => printed( 'settings_page' ), 'saved' => $saved ) );
